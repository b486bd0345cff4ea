import { describe, expect, it } from 'vitest';
import { type Delivery, fixed, queue, Reject, RetryLater, topic, type } from '../../src/index.ts';
import { bench, gate, valuesOf } from '../support.ts';

const jobs = queue('jobs', { schema: type<number>(), retry: { attempts: 3, backoff: fixed(1000) } });
const ordered = queue('ordered', {
  schema: type<number>(),
  needs: { order: 'key' },
  key: () => 'one',
  retry: { attempts: 5, backoff: fixed(1000) },
});
const news = topic('news', { schema: type<string>(), needs: { pattern: true } });

describe('a handler', () => {
  it('may be synchronous, and returning accepts', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const seen: number[] = [];
    await bus.jobs.consume((value) => seen.push(value));
    await bus.jobs.sendMany([1, 2, 3]);
    await clock.advance(0);
    expect(seen).toEqual([1, 2, 3]);
    expect(broker.settled('jobs').map(({ outcome }) => outcome)).toEqual(['accept', 'accept', 'accept']);
  });

  it('sees what was sent, and no header of Waybill', async () => {
    const { bus, clock } = await bench({ jobs });
    const seen: Delivery<number>[] = [];
    await bus.jobs.consume((_, delivery) => void seen.push(delivery));
    await bus.jobs.send(1, { id: 'one', headers: { tenant: 'a' }, correlationId: 'c', replyTo: 'r' });
    await clock.advance(0);
    expect(seen[0]).toMatchObject({
      value: 1,
      id: 'one',
      headers: { tenant: 'a' },
      correlationId: 'c',
      replyTo: 'r',
      contentType: 'application/json',
      sentAt: clock.now(),
      source: 'jobs',
      attempt: 1,
      redelivered: false,
      deadLetter: undefined,
      isOpen: false,
    });
    expect(Object.isFrozen(seen[0]?.headers)).toBe(true);
  });

  it('runs at most as many at once as the concurrency says, and holds at most maxInFlight', async () => {
    const { bus, clock } = await bench({ jobs });
    let running = 0;
    let most = 0;
    const held = gate();
    const consumer = await bus.jobs.consume(
      async () => {
        most = Math.max(most, ++running);
        await held.promise;
        running--;
      },
      { concurrency: 3, maxInFlight: 5 },
    );
    await bus.jobs.sendMany(Array.from({ length: 50 }, (_, index) => index));
    await clock.advance(0);
    expect([running, consumer.inFlight]).toEqual([3, 5]);
    held.open();
    await clock.advance(0);
    expect(most).toBe(3);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 0, inFlight: 0 });
  });

  it('that does not end in time is told by its signal, and the attempt has failed', async () => {
    const { bus, clock, events } = await bench({ jobs });
    const reasons: unknown[] = [];
    await bus.jobs.consume(
      (_, { signal, attempt }) =>
        attempt > 1
          ? undefined
          : new Promise(() => signal.addEventListener('abort', () => reasons.push(signal.reason))),
      { handlerTimeoutMs: 500 },
    );
    await bus.jobs.send(1);
    await clock.advance(1499);
    expect(reasons).toMatchObject([{ code: 'timeout' }]);
    expect(String(reasons[0])).toMatchInlineSnapshot(`"WaybillError: jobs: the handler did not end within 500 ms"`);
    await clock.advance(1);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 0, inFlight: 0, delayed: 0 });
    expect(events.filter(({ type: event }) => event === 'retry')).toMatchObject([
      { attempt: 1, error: { code: 'timeout' } },
    ]);
  });

  it('begins its next run in place with a signal that has not aborted', async () => {
    const { bus, clock } = await bench({ ordered });
    const aborted: boolean[] = [];
    await bus.ordered.consume(
      (_, { signal, attempt }) => {
        aborted.push(signal.aborted);
        return attempt < 3 ? new Promise(() => {}) : undefined;
      },
      { handlerTimeoutMs: 500 },
    );
    await bus.ordered.send(1);
    await clock.advance(10_000);
    expect(aborted).toEqual([false, false, false]);
  });

  it('that throws Reject is not tried again; RetryLater says when', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const runs: [number, number][] = [];
    const began = clock.now();
    await bus.jobs.consume((value, { attempt }) => {
      runs.push([value, clock.now() - began]);
      if (value === 1) throw new Reject('never');
      if (attempt === 1) throw new RetryLater(7000);
    });
    await bus.jobs.sendMany([1, 2]);
    await clock.advance(10_000);
    expect(runs).toEqual([
      [1, 0],
      [2, 0],
      [2, 7000],
    ]);
    expect(broker.messages('jobs.dead')).toHaveLength(1);
  });
});

describe('a batch handler', () => {
  it('gets a full batch at once, and what there is after maxWaitMs', async () => {
    const { bus, clock } = await bench({ jobs });
    const batches: number[][] = [];
    await bus.jobs.consumeBatch((values) => void batches.push([...values]), { maxMessages: 4, maxWaitMs: 200 });
    await bus.jobs.sendMany([1, 2, 3, 4, 5, 6]);
    await clock.advance(199);
    expect(batches).toEqual([[1, 2, 3, 4]]);
    await clock.advance(1);
    expect(batches).toEqual([
      [1, 2, 3, 4],
      [5, 6],
    ]);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 0, inFlight: 0 });
  });

  it('that throws fails what is open; what it settled before keeps its fate', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const batches: number[][] = [];
    await bus.jobs.consumeBatch(
      async (values, deliveries) => {
        batches.push([...values]);
        if (batches.length > 1) return;
        await deliveries[0]?.accept();
        await deliveries[1]?.reject('bad');
        throw new Error('the third');
      },
      { maxMessages: 3 },
    );
    await bus.jobs.sendMany([1, 2, 3]);
    await clock.advance(2000);
    expect(batches).toEqual([[1, 2, 3], [3]]);
    expect(broker.messages('jobs.dead')).toHaveLength(1);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 0, inFlight: 0, delayed: 0 });
  });

  it('hands over a partial batch when it closes, instead of waiting for more', async () => {
    const { bus, clock, timers } = await bench({ jobs });
    const batches: number[][] = [];
    const consumer = await bus.jobs.consumeBatch((values) => void batches.push([...values]), {
      maxMessages: 10,
      maxWaitMs: 3_600_000,
      drainMs: 1000,
    });
    await bus.jobs.sendMany([1, 2]);
    await clock.advance(0);
    const closing = consumer.close();
    await clock.advance(1000);
    await closing;
    const { ready = 0 } = await bus.jobs.depth();
    expect(batches.flat().length + ready).toBe(2);
    await clock.advance(30_000);
    expect(timers()).toBe(0);
  });

  it('gets topics too', async () => {
    const { bus, clock } = await bench({ news });
    const batches: string[][] = [];
    await bus.news.subscribeBatch((values) => void batches.push([...values]), { maxMessages: 2, pattern: 'a.*' });
    await bus.news.publish('one', { routingKey: 'a.b' });
    await bus.news.publish('not', { routingKey: 'b.b' });
    await bus.news.publish('two', { routingKey: 'a.c' });
    await clock.advance(0);
    expect(batches).toEqual([['one', 'two']]);
  });
});

describe('an iterator', () => {
  it('hands out one after another, and settles as it is told', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    await bus.jobs.sendMany([1, 2, 3]);
    const seen: number[] = [];
    for await (const delivery of await bus.jobs.receive()) {
      seen.push(delivery.value);
      if (delivery.value === 2) await delivery.reject('two');
      else await delivery.accept();
      if (seen.length === 3) break;
    }
    await clock.advance(0);
    expect(seen).toEqual([1, 2, 3]);
    expect(broker.messages('jobs.dead')).toHaveLength(1);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 0, inFlight: 0 });
  });

  it('gives back what is not settled when the loop breaks', async () => {
    const { bus, clock } = await bench({ jobs });
    await bus.jobs.sendMany([1, 2, 3]);
    for await (const delivery of await bus.jobs.receive()) if (delivery.value === 1) break;
    await clock.advance(0);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 3, inFlight: 0 });
  });

  it('gives back what is not settled when the loop throws', async () => {
    const { bus, clock } = await bench({ jobs });
    await bus.jobs.sendMany([1, 2]);
    const loop = async (): Promise<void> => {
      for await (const delivery of await bus.jobs.receive()) {
        await delivery.accept();
        throw new Error('boom');
      }
    };
    await expect(loop()).rejects.toThrow('boom');
    await clock.advance(0);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 1, inFlight: 0 });
  });

  it('ends, and gives back, when it is closed from outside', async () => {
    const { bus, clock, during } = await bench({ jobs });
    await bus.jobs.sendMany([1, 2]);
    const deliveries = await bus.jobs.receive();
    const seen: Delivery<number>[] = [];
    const loop = (async () => {
      for await (const delivery of deliveries) seen.push(delivery);
    })();
    await clock.advance(0);
    await during(deliveries.close());
    await during(loop);
    expect(valuesOf(seen)).toEqual([1, 2]);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 2, inFlight: 0 });
  });

  it('goes on after a reconnection', async () => {
    const { bus, broker, clock, during } = await bench({ jobs });
    await bus.jobs.send(1);
    const attempts: number[] = [];
    const loop = (async () => {
      for await (const delivery of await bus.jobs.receive()) {
        attempts.push(delivery.attempt);
        if (attempts.length === 1) broker.faults.disconnect();
        const told = await delivery.accept();
        if (told === 'settled') break;
      }
    })();
    await clock.advance(1000);
    await during(loop);
    expect(attempts).toEqual([1, 2]);
  });

  it('gets what was released for a time in place again, as often as it likes, with one slot', async () => {
    const { bus, clock, during } = await bench({ ordered });
    await bus.ordered.send(1);
    const attempts: number[] = [];
    const loop = (async () => {
      for await (const delivery of await bus.ordered.receive({ concurrency: 1 })) {
        attempts.push(delivery.attempt);
        if (attempts.length === 4) {
          await delivery.accept();
          break;
        }
        await delivery.release({ delayMs: 100 });
      }
    })();
    await clock.advance(1000);
    expect(attempts).toEqual([1, 2, 3, 4]);
    await during(loop);
  });

  it('serves two loops, each message to one of them, and ends both', async () => {
    const { bus, clock, during } = await bench({ jobs });
    const deliveries = await bus.jobs.receive();
    const seen: number[] = [];
    const loop = async (): Promise<void> => {
      for await (const delivery of deliveries) {
        seen.push(delivery.value);
        await delivery.accept();
      }
    };
    const both = Promise.all([loop(), loop()]);
    await clock.advance(0);
    await bus.jobs.sendMany([1, 2, 3, 4]);
    await clock.advance(0);
    expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
    await during(deliveries.close());
    await during(both);
  });
});
