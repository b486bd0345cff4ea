import { describe, expect, it } from 'vitest';
import { type Delivery, exponential, fixed, queue, RetryLater, topic, type } from '../../src/index.ts';
import type { Less } from '../lowered.ts';
import { bench, rejection } from '../support.ts';

/** RabbitMQ before 4.3, roughly: gives back at once or not at all, and keeps no time. */
const plain = {
  queue: { release: 'immediate', delay: 'none', ttl: 'none', deadLetter: 'plain', dedup: 'none' },
  topic: {
    release: 'immediate',
    delay: 'none',
    ttl: 'none',
    pattern: 'none',
    filter: 'none',
    deadLetter: 'plain',
    dedup: 'none',
  },
} as const satisfies Less;
/** Gives nothing back. */
const bare = {
  queue: { ...plain.queue, release: 'none' },
  topic: { ...plain.topic, release: 'none' },
} as const satisfies Less;

const jobs = queue('jobs', {
  schema: type<number>(),
  retry: { attempts: 4, backoff: exponential({ firstMs: 1000, factor: 4 }) },
});
const atOnce = queue('at-once', { schema: type<number>(), retry: { attempts: 3, backoff: fixed(0) } });
const later = queue('later', { schema: type<number>(), needs: { delay: true } });
const brief = queue('brief', { schema: type<number>(), needs: { ttl: true, delay: true } });
const news = topic('news', { schema: type<string>(), needs: { pattern: true, filter: true } });

describe.each([
  ['that gives back at once', plain],
  ['that gives nothing back', bare],
] as const)('on a broker %s', (_, less) => {
  it('retries wait in delay queues: never early, and the attempts travel along', async () => {
    const { bus, clock, broker } = await bench({ jobs }, { less });
    const runs: { attempt: number; at: number; id: string | undefined }[] = [];
    const began = clock.now();
    await bus.jobs.consume((_value, { attempt, id }) => {
      runs.push({ attempt, at: clock.now() - began, id });
      throw new Error('again');
    });
    await bus.jobs.send(1, { id: 'one' });
    await clock.advance(60_000);
    expect(runs.map(({ attempt, id }) => [attempt, id])).toEqual([
      [1, 'one'],
      [2, 'one'],
      [3, 'one'],
      [4, 'one'],
    ]);
    const waits = runs.slice(1).map(({ at }, index) => at - (runs[index]?.at ?? 0));
    waits.forEach((wait, index) => {
      expect(wait).toBeGreaterThanOrEqual(1000 * 4 ** index);
      expect(wait).toBeLessThan(1000 * 4 ** index + 100);
    });
    expect(broker.messages('jobs.dead')).toHaveLength(1);
  });

  it('a retry without a wait happens at once', async () => {
    const { bus, clock, broker } = await bench({ atOnce }, { less });
    const attempts: number[] = [];
    await bus.atOnce.consume((_value, { attempt }) => {
      attempts.push(attempt);
      throw new Error('again');
    });
    await bus.atOnce.send(1);
    await clock.advance(100);
    expect(attempts).toEqual([1, 2, 3]);
    expect(broker.messages('at-once.dead')).toHaveLength(1);
  });

  it('RetryLater finds a delay queue though the policy never waits', async () => {
    const { bus, clock, events } = await bench({ atOnce }, { less });
    const began = clock.now();
    const runs: number[] = [];
    await bus.atOnce.consume((_value, { attempt }) => {
      runs.push(clock.now() - began);
      if (attempt === 1) throw new RetryLater(5000);
    });
    await bus.atOnce.send(1);
    await clock.advance(10_000);
    expect(events.filter(({ type: event }) => event === 'held')).toEqual([]);
    expect(runs).toEqual([0, 5000]);
  });

  it('delayed messages arrive when they are due, in any mixture, hop by hop', async () => {
    const { bus, clock } = await bench({ later }, { less });
    const began = clock.now();
    const late: Record<number, number> = {};
    await bus.later.consume((value) => void (late[value] = clock.now() - began - value));
    const delays = [10_000_000, 1, 300, 4000, 70_000, 250, 0, 999, 1_000_000];
    for (const delayMs of delays) await bus.later.send(delayMs, { delayMs });
    await clock.advance(12_000_000);
    expect(Object.keys(late)).toHaveLength(delays.length);
    for (const lateMs of Object.values(late)) {
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(100);
    }
  });

  it('a message that died is found again with its cause', async () => {
    const { bus, clock, during } = await bench({ jobs }, { less });
    const consumer = await bus.jobs.consume((_value, delivery) => delivery.reject('bad'));
    await bus.jobs.send(1);
    await clock.advance(0);
    await during(consumer.close());
    expect(await during(bus.jobs.redrive({ idleMs: 100 }))).toBe(1);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 1 });
  });

  it('an expired message is not handled, but dead-lettered', async () => {
    const { bus, clock, broker } = await bench({ brief }, { less });
    const seen: number[] = [];
    await bus.brief.sendMany([1, 2], { ttlMs: 1000 });
    await bus.brief.send(3, { ttlMs: 100_000 });
    await bus.brief.send(4, { ttlMs: 1000, delayMs: 5000 });
    await bus.brief.send(5);
    await clock.advance(1000);
    await bus.brief.consume((value) => void seen.push(value));
    await clock.advance(20_000);
    expect(seen).toEqual([3, 5]);
    expect(broker.messages('brief.dead').map(({ headers }) => headers['waybill-dead-reason'])).toEqual([
      'expired',
      'expired',
      'expired',
    ]);
  });

  it('patterns and header filters are chosen before the handler', async () => {
    const { bus, clock } = await bench({ news }, { less });
    const seen: Record<string, string[]> = { words: [], deep: [], red: [], both: [] };
    const into = (name: string) => (value: string) => void seen[name]?.push(value);
    await bus.news.subscribe(into('words'), { pattern: 'a.*' });
    await bus.news.subscribe(into('deep'), { pattern: 'a.#', subscription: 'deep' });
    await bus.news.subscribe(into('red'), { headers: { color: 'red' }, subscription: 'red' });
    await bus.news.subscribe(into('both'), { pattern: '#.c', headers: { color: 'red' }, subscription: 'both' });
    const publish = (value: string, routingKey: string, color: string) =>
      bus.news.publish(value, { routingKey, headers: { color } });
    await publish('1', 'a.b', 'red');
    await publish('2', 'a.b.c', 'blue');
    await publish('3', 'b.c', 'red');
    await publish('4', 'a', 'blue');
    await clock.advance(0);
    expect(seen).toEqual({ words: ['1'], deep: ['1', '2', '4'], red: ['1', '3'], both: ['3'] });
  });
});

describe('an emulated delay', () => {
  it('needs a consumer: without one the message waits in its delay queue, and comes late but once', async () => {
    const { bus, clock } = await bench({ later }, { less: plain });
    await bus.later.send(1, { delayMs: 1000 });
    await clock.advance(60_000);
    const seen: number[] = [];
    await bus.later.consume((value) => void seen.push(value));
    await clock.advance(10_000);
    expect(seen).toEqual([1]);
  });

  it('survives reconnections: each message once or more, none lost, none early', async () => {
    const { bus, broker, clock } = await bench({ later }, { less: plain });
    const began = clock.now();
    const seen: Delivery<number>[] = [];
    await bus.later.consume((_value, delivery) => {
      expect(clock.now() - began).toBeGreaterThanOrEqual(delivery.value);
      seen.push(delivery);
    });
    await Promise.all(Array.from({ length: 50 }, (_, index) => bus.later.send(index * 100, { delayMs: index * 100 })));
    for (let cut = 0; cut < 4; cut++) {
      await clock.advance(1300);
      broker.faults.disconnect();
    }
    await clock.advance(60_000);
    expect(new Set(seen.map(({ value }) => value)).size).toBe(50);
  });

  it('is served once, whoever and however many consume', async () => {
    const { bus, clock } = await bench({ later }, { less: plain });
    const seen: number[] = [];
    await bus.later.consume((value) => void seen.push(value));
    await bus.later.consume((value) => void seen.push(value));
    await bus.later.sendMany([1, 2, 3], { delayMs: 5000 });
    await clock.advance(10_000);
    expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  it('of a topic and of a queue of one name do not mix', async () => {
    const both = {
      aQueue: queue('same', { schema: type<number>(), needs: { delay: true } }),
      aTopic: topic('same', { schema: type<number>(), needs: { delay: true } }),
    };
    const { bus, clock } = await bench(both, { less: plain });
    const seen: string[] = [];
    await bus.aTopic.subscribe((value) => void seen.push(`topic ${value}`), { subscription: 's' });
    await bus.aQueue.consume((value) => void seen.push(`queue ${value}`));
    await bus.aTopic.publish(1, { delayMs: 1000 });
    await bus.aQueue.send(2, { delayMs: 1000 });
    await clock.advance(10_000);
    expect(seen.toSorted()).toEqual(['queue 2', 'topic 1']);
  });
});

describe('native capabilities', () => {
  it('are used where the broker has them: nothing stands beside the queue', async () => {
    const { bus, broker, clock } = await bench({ later });
    await bus.later.send(1, { delayMs: 5000 });
    expect(await bus.later.depth()).toMatchObject({ delayed: 1, ready: 0 });
    expect(await rejection((async () => broker.messages('later.delay.4000'))())).toMatchObject({ code: 'not-found' });
    await clock.advance(5000);
    expect(await bus.later.depth()).toMatchObject({ delayed: 0, ready: 1 });
  });
});
