import { describe, expect, it } from 'vitest';
import type { Driver, Receiver, Settlement, Unsettled, Watermark } from '../../src/driver/index.ts';
import { queue, type Settled, stream, type } from '../../src/index.ts';
import { bench, gate, throughReceivers } from '../support.ts';

const jobs = queue('jobs', { schema: type<number>() });
const log = stream('log', { schema: type<number>(), needs: { group: true } });
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

interface Tampering {
  readonly settle?: (
    batch: readonly Settlement[],
    settle: (batch: readonly Settlement[]) => Promise<readonly Unsettled[]>,
  ) => Promise<readonly Unsettled[]>;
  readonly extend?: (
    receipts: readonly unknown[],
    extend: (receipts: readonly unknown[]) => Promise<readonly Unsettled[]>,
  ) => Promise<readonly Unsettled[]>;
  readonly commit?: (
    marks: readonly Watermark[],
    commit: (marks: readonly Watermark[]) => Promise<readonly Unsettled[]>,
  ) => Promise<readonly Unsettled[]>;
}
/** The driver, with answers of its receivers that a test decides. */
const tampered = (tampering: Tampering): ((inner: Driver) => Driver) =>
  throughReceivers((receiver) => tamper(receiver, tampering));
function tamper(receiver: Receiver, { settle, extend, commit }: Tampering): Receiver {
  const common = { native: receiver.native, closed: receiver.closed, close: () => receiver.close() };
  if (receiver.style === 'position') {
    const write = receiver.commit?.bind(receiver);
    return {
      style: 'position',
      ...common,
      start: (owner) => receiver.start(owner),
      ...(write && { commit: (marks) => (commit ? commit(marks, write) : write(marks)) }),
    };
  }
  const shared = {
    ...common,
    settle: (batch: readonly Settlement[]) =>
      settle ? settle(batch, (some) => receiver.settle(some)) : receiver.settle(batch),
  };
  if (receiver.style === 'message') return { style: 'message', ...shared, start: (owner) => receiver.start(owner) };
  const renew = (receipts: readonly unknown[]): Promise<readonly Unsettled[]> => receiver.extend(receipts);
  return {
    style: 'lease',
    ...shared,
    leaseMs: receiver.leaseMs,
    start: (owner) => receiver.start(owner),
    extend: (receipts) => (extend ? extend(receipts, renew) : renew(receipts)),
  };
}

describe('settlements', () => {
  it('of one turn of the event loop go together, at most maxBatch in a call', async () => {
    const sizes: number[] = [];
    const wrap = tampered({
      settle: (batch, settle) => {
        sizes.push(batch.length);
        return settle(batch);
      },
    });
    const { bus, clock } = await bench({ jobs }, { wrap, broker: { limits: { maxBatch: 10 } } });
    await bus.jobs.sendMany(upTo(25));
    await bus.jobs.consume(() => {}, { concurrency: 25, maxInFlight: 25 });
    await clock.advance(0);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(25);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10);
    expect(sizes.length).toBeLessThan(25);
  });

  it('that failed are made again, each for itself; those that were too late are told', async () => {
    let calls = 0;
    const asked: number[] = [];
    const wrap = tampered({
      settle: async (batch, settle) => {
        asked.push(batch.length);
        if (calls++ > 0) return settle(batch);
        const [first, second, ...rest] = batch;
        if (!first || !second) throw new Error('two are needed');
        await settle(rest);
        return [
          { index: 0, outcome: 'failed', error: new Error('try again') },
          { index: 1, outcome: 'lost' },
        ];
      },
    });
    const { bus, clock } = await bench({ jobs }, { wrap });
    const told: Settled[] = [];
    await bus.jobs.sendMany(upTo(4));
    await bus.jobs.consume(async (_, delivery) => void told.push(await delivery.accept()), { concurrency: 4 });
    await clock.advance(0);
    await clock.advance(1000);
    expect(asked.slice(0, 2)).toEqual([4, 1]);
    expect(told.toSorted()).toEqual(['lost', 'settled', 'settled', 'settled']);
  });

  it('of a call that rejects are all made again', async () => {
    let calls = 0;
    const wrap = tampered({
      settle: (batch, settle) => (calls++ < 3 ? Promise.reject(new Error('busy')) : settle(batch)),
    });
    const { bus, broker, clock, during } = await bench({ jobs }, { wrap });
    await bus.jobs.sendMany(upTo(3));
    const consumer = await bus.jobs.consume(() => {});
    await clock.advance(0);
    await during(consumer.close());
    expect(broker.settled('jobs').map(({ outcome }) => outcome)).toEqual(['accept', 'accept', 'accept']);
  });

  it('that failed are not made again on a receiver that has ended: they are lost', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const told: Settled[] = [];
    const runs: number[] = [];
    await bus.jobs.consume(async (_, delivery) => {
      runs.push(delivery.attempt);
      told.push(await delivery.accept());
    });
    broker.faults.next('failSettle');
    await bus.jobs.send(1);
    await clock.advance(0);
    expect(told).toEqual([]);
    broker.faults.disconnect();
    await clock.advance(2000);
    expect([told, runs]).toEqual([
      ['lost', 'settled'],
      [1, 2],
    ]);
  });
});

describe('leases', () => {
  it('are renewed before a third of them is gone, all together, while the handlers run', async () => {
    const extended: [number, number][] = [];
    const finish = gate();
    let began = 0;
    const wrap = tampered({
      extend: (receipts, extend) => {
        extended.push([clock.now() - began, receipts.length]);
        return extend(receipts);
      },
    });
    const { bus, clock } = await bench({ jobs }, { wrap });
    await bus.jobs.sendMany(upTo(3));
    began = clock.now();
    await bus.jobs.consume(() => finish.promise, { leaseMs: 6000 });
    await clock.advance(20_000);
    expect(extended.every(([, count]) => count === 3)).toBe(true);
    const waits = extended.map(([at], index) => at - (extended[index - 1]?.[0] ?? 0));
    expect(Math.max(...waits)).toBeLessThanOrEqual(3000);
    expect(extended.length).toBeLessThan(20);
    finish.open();
    await clock.advance(0);
    const before = extended.length;
    await clock.advance(20_000);
    expect(extended).toHaveLength(before);
  });

  it('that cannot be renewed are lost when they end: the handler is told, and its word comes too late', async () => {
    const wrap = tampered({ extend: () => Promise.reject(new Error('not now')) });
    const { bus, clock } = await bench({ jobs }, { wrap });
    const finish = gate();
    const told: unknown[] = [];
    await bus.jobs.send(1);
    await bus.jobs.consume(
      async (_, delivery) => {
        if (delivery.attempt > 1) return;
        delivery.signal.addEventListener('abort', () => told.push('aborted'));
        await finish.promise;
        told.push(await delivery.accept());
      },
      { leaseMs: 1000 },
    );
    await clock.advance(3000);
    expect(told).toEqual(['aborted']);
    finish.open();
    await clock.advance(3000);
    expect(told).toEqual(['aborted', 'lost']);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 0, inFlight: 0 });
  });

  it('that the broker took away are lost at once', async () => {
    const wrap = tampered({
      extend: (receipts) => Promise.resolve(receipts.map((_, index) => ({ index, outcome: 'lost' }))),
    });
    const { bus, clock, events } = await bench({ jobs }, { wrap });
    await bus.jobs.send(1);
    let aborted = 0;
    await bus.jobs.consume(
      (_, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(aborted++))),
      { leaseMs: 6000 },
    );
    await clock.advance(3000);
    expect(aborted).toBe(1);
    expect(events.some(({ type: event }) => event === 'delivery-lost')).toBe(true);
  });

  it('extended by hand tell the truth when the broker does not extend', async () => {
    const wrap = tampered({ extend: () => Promise.reject(new Error('not now')) });
    const { bus, clock } = await bench({ jobs }, { wrap });
    const told: string[] = [];
    await bus.jobs.send(1);
    await bus.jobs.consume(async (_, delivery) => {
      told.push(await delivery.extend().catch(() => 'rejected'));
    });
    await clock.advance(0);
    expect(told).not.toContain('settled');
  });
});

describe('positions', () => {
  it('are written now and then, not for each record, and one call at a time', async () => {
    let out = 0;
    const marks: string[] = [];
    const wrap = tampered({
      commit: async (some, commit) => {
        expect(++out).toBe(1);
        marks.push(...some.map(({ through }) => through));
        const answer = await commit(some);
        out--;
        return answer;
      },
    });
    const { bus, clock } = await bench({ log }, { wrap });
    await bus.log.appendMany(upTo(500));
    await bus.log.consume(() => {}, { group: 'g' });
    await clock.advance(1000);
    expect(marks.length).toBeGreaterThan(0);
    expect(marks.length).toBeLessThan(25);
    expect(await bus.log.depth({ group: 'g' })).toMatchObject({ ready: 0 });
  });

  it('are written at once where half of the window waits for it: a busy lane waits for no timer', async () => {
    const { bus, clock } = await bench({ log });
    await bus.log.appendMany(upTo(500));
    const handled: number[] = [];
    await bus.log.consume((value) => void handled.push(value), { group: 'g', window: 100 });
    await clock.advance(0);
    expect(handled.length).toBeGreaterThan(400);
  });

  it('whose commit is on its way when the consumer closes, and fails, are written again before it has closed', async () => {
    const answer = gate();
    let calls = 0;
    const wrap = tampered({
      commit: async (marks, commit) => {
        if (calls++ > 0) return commit(marks);
        await answer.promise;
        throw new Error('not now');
      },
    });
    const { bus, clock, during } = await bench({ log }, { wrap });
    await bus.log.appendMany(upTo(5));
    const consumer = await bus.log.consume(() => {}, { group: 'g' });
    await clock.advance(100);
    expect(calls).toBe(1);
    const closing = consumer.close();
    await clock.advance(0);
    answer.open();
    await during(closing);
    expect(await bus.log.depth({ group: 'g' })).toMatchObject({ ready: 0 });
  });

  it('that are lost end nothing but their lane: the next receiver begins where the broker says', async () => {
    let calls = 0;
    const wrap = tampered({
      commit: (marks, commit) =>
        calls++ === 0 ? Promise.resolve(marks.map((_, index) => ({ index, outcome: 'lost' }))) : commit(marks),
    });
    const { bus, broker, clock } = await bench({ log }, { wrap });
    const seen: number[] = [];
    await bus.log.appendMany(upTo(3));
    await bus.log.consume((value) => void seen.push(value), { group: 'g' });
    await clock.advance(500);
    broker.faults.disconnect();
    await clock.advance(1000);
    await bus.log.append(3);
    await clock.advance(1000);
    expect(seen).toEqual([0, 1, 2, 0, 1, 2, 3]);
    expect(await bus.log.depth({ group: 'g' })).toMatchObject({ ready: 0 });
  });
});
