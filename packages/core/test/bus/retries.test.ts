import { describe, expect, it } from 'vitest';
import {
  deadLettersOf,
  type Delivery,
  exponential,
  fixed,
  linear,
  queue,
  stream,
  topic,
  type,
} from '../../src/index.ts';
import { bench, foreign, gate, rawLink, valuesOf } from '../support.ts';

const hour = 3_600_000;
const ladder = queue('ladder', {
  schema: type<string>(),
  retry: { attempts: 13, backoff: exponential({ firstMs: 60_000, maxMs: 4 * hour }) },
});
const jobs = queue('jobs', { schema: type<string>(), retry: { attempts: 3, backoff: fixed(1000) } });
const ordered = queue('ordered', {
  schema: type<string>(),
  needs: { order: 'key' },
  key: (value) => value,
  retry: { attempts: 3, backoff: fixed(hour) },
});

describe('retries', () => {
  it('climb a ladder of more than 24 hours in less than a second', async () => {
    const { bus, broker, clock } = await bench({ ladder });
    const began = clock.now();
    const usedBefore = process.cpuUsage();
    const waits: number[] = [];
    let last = began;
    await bus.ladder.consume(() => {
      waits.push((clock.now() - last) / 60_000);
      last = clock.now();
      throw new Error('not yet');
    });
    await bus.ladder.send('a');
    await clock.advance(48 * hour);
    expect(waits).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240, 240]);
    expect(last - began).toBeGreaterThan(20 * hour);
    expect(broker.messages('ladder.dead')).toHaveLength(1);
    // Of the processor, not of the wall: other processes may have the cores meanwhile.
    const { user, system } = process.cpuUsage(usedBefore);
    expect((user + system) / 1000).toBeLessThan(1000);
  });

  it('count attempts over reconnections', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const attempts: number[] = [];
    const held = gate();
    await bus.jobs.consume(async (_, { attempt }) => {
      attempts.push(attempt);
      if (attempt === 1) throw new Error('first');
      if (attempt === 2) await held.promise;
    });
    await bus.jobs.send('a');
    await clock.advance(1000);
    broker.faults.disconnect();
    await clock.advance(10_000);
    held.open();
    await clock.advance(0);
    expect(attempts).toEqual([1, 2, 3]);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'boom'],
    ['an object without text', Object.create(null) as unknown],
    [
      'an object whose toString throws',
      {
        toString: () => {
          throw new Error('no text');
        },
      },
    ],
    ['a symbol', Symbol('s')],
  ])('a handler that throws %s fails like any other, and costs neither message nor consumer', async (_, error) => {
    const { bus, broker, clock } = await bench({ jobs });
    let runs = 0;
    await bus.jobs.consume(
      (value) => {
        if (value === 'good') return;
        runs++;
        throw error;
      },
      { concurrency: 1 },
    );
    await bus.jobs.send('bad');
    await clock.advance(10_000);
    await bus.jobs.send('good');
    await clock.advance(10_000);
    expect(runs).toBe(3);
    expect(broker.messages('jobs.dead')).toHaveLength(1);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 0, inFlight: 0, delayed: 0 });
  });

  it('wait the default time where the backoff throws or answers nonsense', async () => {
    const odd = queue('odd', {
      schema: type<string>(),
      retry: {
        attempts: 4,
        backoff: (attempt) => {
          if (attempt === 2) throw new Error('no such step');
          return attempt === 3 ? Number.NaN : 10;
        },
      },
    });
    const { bus, broker, clock } = await bench({ odd });
    const runs: number[] = [];
    await bus.odd.consume((_, { attempt }) => {
      runs.push(attempt);
      throw new Error('again');
    });
    await bus.odd.send('a');
    await clock.advance(60_000);
    expect(runs).toEqual([1, 2, 3, 4]);
    expect(broker.messages('odd.dead')).toHaveLength(1);
  });

  it.each(['x', '-5', '1e400', ''])('take a foreign waybill-attempts of "%s" for none', async (attempts) => {
    const { bus, broker, clock } = await bench({ jobs });
    const link = await rawLink(broker);
    const runs: number[] = [];
    await bus.jobs.consume((_, { attempt }) => {
      runs.push(attempt);
      throw new Error('again');
    });
    await link.send({ kind: 'queue', name: 'jobs', order: 'none' }, [
      foreign('"a"', { headers: { 'waybill-attempts': attempts } }),
    ]);
    await clock.advance(10_000);
    expect(runs).toEqual([1, 2, 3]);
    expect(broker.messages('jobs.dead')).toHaveLength(1);
    await link.close();
  });

  it('in place keep nothing running after close', async () => {
    const { bus, clock, during, timers } = await bench({ ordered });
    await bus.ordered.consume(() => {
      throw new Error('again');
    });
    await bus.ordered.send('a');
    await clock.advance(10);
    await during(bus.close(), 1000);
    expect(timers()).toBe(0);
  });

  it('in place free the slot for others meanwhile', async () => {
    const { bus, clock } = await bench({ ordered });
    const seen: string[] = [];
    await bus.ordered.consume(
      (value) => {
        seen.push(value);
        if (value === 'bad') throw new Error('again');
      },
      { concurrency: 1 },
    );
    await bus.ordered.sendMany(['bad', 'good']);
    await clock.advance(10);
    expect(seen).toEqual(['bad', 'good']);
  });

  it('in place of most of what may be in flight leave the rest to the others', async () => {
    const { bus, clock } = await bench({ ordered });
    const good: string[] = [];
    await bus.ordered.consume(
      (value) => {
        if (value.startsWith('bad')) throw new Error('again');
        good.push(value);
      },
      { concurrency: 4, maxInFlight: 8 },
    );
    await bus.ordered.sendMany(Array.from({ length: 7 }, (_, index) => `bad ${index}`));
    await bus.ordered.sendMany(Array.from({ length: 20 }, (_, index) => `good ${index}`));
    await clock.advance(1000);
    expect(good).toHaveLength(20);
  });

  it('of a topic reach the subscription that failed, and no other', async () => {
    const news = topic('news', { schema: type<string>(), retry: { attempts: 3, backoff: fixed(1000) } });
    const { bus, clock } = await bench({ news });
    const failing: number[] = [];
    const fine: number[] = [];
    await bus.news.subscribe(
      (_, { attempt }) => {
        failing.push(attempt);
        if (attempt < 3) throw new Error('again');
      },
      { subscription: 'failing' },
    );
    await bus.news.subscribe((_, { attempt }) => void fine.push(attempt), { subscription: 'fine' });
    await bus.news.publish('a');
    await clock.advance(10_000);
    expect([failing, fine]).toEqual([[1, 2, 3], [1]]);
  });

  it('of a stream happen in place, and the record is given up in the end, with an event', async () => {
    const log = stream('log', {
      schema: type<string>(),
      needs: { group: true },
      retry: { attempts: 2, backoff: fixed(1000) },
    });
    const { bus, clock, events } = await bench({ log });
    const runs: [string, number][] = [];
    await bus.log.consume(
      (value, { attempt }) => {
        runs.push([value, attempt]);
        if (value === 'bad') throw new Error('again');
      },
      { group: 'g', concurrency: 1 },
    );
    await bus.log.appendMany(['bad', 'good']);
    await clock.advance(10_000);
    expect(runs).toEqual([
      ['bad', 1],
      ['good', 1],
      ['bad', 2],
    ]);
    expect(events.filter(({ type: event }) => event === 'dropped')).toMatchObject([
      { source: 'log/g', reason: 'exhausted' },
    ]);
  });

  it('linear waits grow by the first', async () => {
    const steps = queue('steps', {
      schema: type<string>(),
      retry: { attempts: 4, backoff: linear({ firstMs: 100, maxMs: 250 }) },
    });
    const { bus, clock } = await bench({ steps });
    const began = clock.now();
    const runs: number[] = [];
    await bus.steps.consume(() => {
      runs.push(clock.now() - began);
      throw new Error('again');
    });
    await bus.steps.send('a');
    await clock.advance(10_000);
    expect(runs).toEqual([0, 100, 300, 550]);
  });
});

describe('dead letters', () => {
  it('keep the message and tell the cause: reason, error, origin, attempts, time', async () => {
    const { bus, clock } = await bench({ jobs });
    await bus.jobs.consume(() => {
      throw new TypeError('boom');
    });
    await bus.jobs.send('a', { id: 'one', headers: { tenant: 't' } });
    await clock.advance(10_000);
    const letters: Delivery[] = [];
    const dead = await bus.attach(deadLettersOf(jobs));
    await dead.consume((_, letter) => void letters.push(letter));
    await clock.advance(0);
    expect(valuesOf(letters)).toEqual(['a']);
    expect(letters[0]).toMatchObject({ id: 'one', headers: { tenant: 't' } });
    expect(letters[0]?.deadLetter).toEqual({
      reason: 'exhausted',
      error: 'TypeError: boom',
      from: 'jobs',
      attempts: 3,
      at: clock.now() - 8000,
    });
  });

  it('of every subscription are kept, each with its own cause', async () => {
    const news = topic('news', { schema: type<string>() });
    const { bus, broker, clock } = await bench({ news });
    await bus.news.subscribe((_, delivery) => delivery.reject('a cannot'), { subscription: 'a' });
    await bus.news.subscribe((_, delivery) => delivery.reject(new TypeError('b cannot')), { subscription: 'b' });
    await bus.news.publish('x', { id: 'one' });
    await clock.advance(0);
    const letters = broker.messages(deadLettersOf(news).name).map(({ id, headers }) => ({
      id,
      from: headers['waybill-dead-from'],
      error: headers['waybill-dead-error'],
    }));
    expect(letters).toHaveLength(2);
    expect(letters).toContainEqual({ id: 'one', from: 'news/a', error: expect.stringMatching(/a cannot$/) as string });
    expect(letters).toContainEqual({
      id: 'one',
      from: 'news/b',
      error: expect.stringMatching(/TypeError: b cannot$/) as string,
    });
  });

  it('of two queues that share a place for them are kept, also under one message id', async () => {
    const shared = { schema: type<string>(), deadLetter: 'graveyard' };
    const { bus, broker, clock } = await bench({ one: queue('one', shared), two: queue('two', shared) });
    await bus.one.consume((_, delivery) => delivery.reject('no'));
    await bus.two.consume((_, delivery) => delivery.reject('no'));
    await bus.one.send('x', { id: 'same' });
    await bus.two.send('x', { id: 'same' });
    await clock.advance(0);
    expect(broker.messages('graveyard')).toHaveLength(2);
  });

  it('of a message id that was used again are both kept', async () => {
    const brief = queue('brief', { schema: type<string>(), retry: { attempts: 2, backoff: fixed(250_000) } });
    const { bus, broker, clock } = await bench({ brief });
    await bus.brief.consume((value, delivery) => {
      if (value === 'second') return delivery.reject('no');
      throw new Error('never');
    });
    await bus.brief.send('first', { id: 'same' });
    await clock.advance(260_000);
    expect(broker.messages('brief.dead')).toHaveLength(1);
    await bus.brief.send('second', { id: 'same' });
    await clock.advance(0);
    expect(broker.sent('brief')).toHaveLength(2);
    expect(broker.messages('brief.dead')).toHaveLength(2);
  });

  it('are redriven: attempts begin again, and dying again makes another letter', async () => {
    const { bus, broker, clock, during, timers } = await bench({ jobs });
    const attempts: number[] = [];
    const consumer = await bus.jobs.consume((_, { attempt }) => {
      attempts.push(attempt);
      throw new Error('boom');
    });
    await bus.jobs.sendMany(['a']);
    await clock.advance(10_000);
    expect(await during(bus.jobs.redrive({ idleMs: 500 }))).toBe(1);
    await clock.advance(10_000);
    expect(attempts).toEqual([1, 2, 3, 1, 2, 3]);
    expect(broker.messages('jobs.dead')).toHaveLength(1);
    expect(broker.messages('jobs.dead')[0]?.headers).toMatchObject({
      'waybill-redriven': '1',
      'waybill-dead-attempts': '3',
    });
    await during(consumer.close());
    await clock.advance(30_000);
    expect(timers()).toBe(0);
  });

  it('are redriven up to the limit; the rest stays', async () => {
    const { bus, broker, clock, during } = await bench({ jobs });
    const consumer = await bus.jobs.consume((_, delivery) => delivery.reject('no'));
    await bus.jobs.sendMany(['a', 'b', 'c', 'd', 'e']);
    await clock.advance(0);
    await consumer.close();
    expect(await during(bus.jobs.redrive({ limit: 2 }))).toBe(2);
    expect([broker.messages('jobs'), broker.messages('jobs.dead')].map((some) => some.length)).toEqual([2, 3]);
  });

  it('redriving many at once leaves no timer', async () => {
    const { bus, clock, during, timers } = await bench({ jobs });
    const consumer = await bus.jobs.consume((_, delivery) => delivery.reject('no'));
    await bus.jobs.sendMany(['a', 'b', 'c', 'd', 'e']);
    await clock.advance(0);
    await consumer.close();
    await clock.advance(60_000);
    expect(await during(bus.jobs.redrive())).toBe(5);
    await clock.advance(30_000);
    expect(timers()).toBe(0);
  });

  it('come again after their consumer lost one, and are not buried a second time', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    await bus.jobs.consume((_, delivery) => delivery.reject('no'));
    await bus.jobs.send('a');
    await clock.advance(0);
    const dead = await bus.attach(deadLettersOf(jobs));
    const runs: number[] = [];
    await dead.consume((_, { attempt }) => {
      runs.push(attempt);
      return attempt < 4 ? new Promise(() => {}) : undefined;
    });
    for (let cut = 0; cut < 3; cut++) {
      await clock.advance(0);
      broker.faults.disconnect();
      await clock.advance(1000);
    }
    expect(runs).toEqual([1, 2, 3, 4]);
    expect(await dead.depth()).toMatchObject({ ready: 0, inFlight: 0 });
  });

  it('are not lost by redriving what was delivered before', async () => {
    const { bus, broker, clock, during } = await bench({ jobs });
    const consumer = await bus.jobs.consume((_, delivery) => delivery.reject('no'));
    await bus.jobs.send('a', { id: 'one' });
    await clock.advance(0);
    await consumer.close();
    const dead = await bus.attach(deadLettersOf(jobs));
    const reader = await dead.consume(() => new Promise(() => {}), { drainMs: 0 });
    await clock.advance(0);
    broker.faults.disconnect();
    await during(reader.close());
    await clock.advance(1000);
    expect(await during(bus.jobs.redrive({ idleMs: 500 }))).toBe(1);
    expect(broker.messages('jobs').map(({ id }) => id)).toEqual(['one']);
  });

  it('stay where they are when their handler fails, without spinning', async () => {
    const { bus, clock, broker } = await bench({ jobs });
    await bus.jobs.consume((_, delivery) => delivery.reject('no'));
    await bus.jobs.send('a');
    await clock.advance(0);
    const dead = await bus.attach(deadLettersOf(jobs));
    let runs = 0;
    await dead.consume(() => {
      runs++;
      throw new Error('again');
    });
    await clock.advance(60_000);
    expect(runs).toBeGreaterThan(3);
    expect(runs).toBeLessThan(15);
    expect(broker.settled('jobs.dead').some(({ outcome }) => outcome !== 'release')).toBe(false);
  });

  it('hold the original, and say so, until their place can take them', async () => {
    const { bus, broker, clock, events } = await bench({ jobs });
    const stored = gate();
    await bus.jobs.consume((_, delivery) => stored.promise.then(() => delivery.reject('no')));
    await bus.jobs.send('a');
    broker.faults.set({ refuseSend: 1 });
    stored.open();
    await clock.advance(20_000);
    expect(events.filter(({ type: event }) => event === 'held').length).toBeGreaterThan(2);
    expect(await bus.jobs.depth()).toMatchObject({ inFlight: 1 });
    broker.faults.clear();
    await clock.advance(20_000);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 0, inFlight: 0 });
    expect(broker.messages('jobs.dead')).toHaveLength(1);
  });

  it('are given up where the destination wants none, with an event', async () => {
    const plain = queue('plain', { schema: type<string>(), deadLetter: false, retry: { attempts: 1 } });
    const { bus, clock, events } = await bench({ plain });
    await bus.plain.consume(() => {
      throw new Error('boom');
    });
    await bus.plain.send('a', { id: 'one' });
    await clock.advance(0);
    expect(events).toMatchObject([{}, {}, { type: 'dropped', source: 'plain', id: 'one', reason: 'exhausted' }]);
    expect(await bus.plain.depth()).toMatchObject({ ready: 0, inFlight: 0 });
  });
});
