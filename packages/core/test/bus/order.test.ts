import { describe, expect, it } from 'vitest';
import { fixed, queue, stream, type } from '../../src/index.ts';
import { bench, gate } from '../support.ts';

interface Step {
  readonly key: string;
  readonly number: number;
}
const steps = queue('steps', {
  schema: type<Step>(),
  needs: { order: 'key' },
  key: ({ key }) => key,
  retry: { attempts: 3, backoff: fixed(1000) },
});
const line = queue('line', {
  schema: type<number>(),
  needs: { order: 'total' },
  retry: { attempts: 3, backoff: fixed(100) },
});

/** The numbers of each key in the order in which their handlers succeeded, without repetitions right after each other. */
const byKey = (done: readonly Step[]): Record<string, number[]> => {
  const lists: Record<string, number[]> = {};
  for (const { key, number } of done) {
    const list = (lists[key] ??= []);
    if (list.at(-1) !== number) list.push(number);
  }
  return lists;
};
const some = (keys: readonly string[], count: number): Step[] =>
  Array.from({ length: count }, (_, number) => keys.map((key) => ({ key, number }))).flat();
const upTo = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

describe('order by key', () => {
  it('runs one at a time of each key, in send order, and keys beside each other', async () => {
    const { bus, clock } = await bench({ steps });
    const running = new Map<string, number>();
    const done: Step[] = [];
    let mostOfOneKey = 0;
    let mostAtOnce = 0;
    let at = 0;
    await bus.steps.consume(
      async (step) => {
        running.set(step.key, (running.get(step.key) ?? 0) + 1);
        mostOfOneKey = Math.max(mostOfOneKey, running.get(step.key) ?? 0);
        mostAtOnce = Math.max(mostAtOnce, ++at);
        for (let turn = 0; turn < step.number % 3; turn++) await Promise.resolve();
        at--;
        running.set(step.key, (running.get(step.key) ?? 0) - 1);
        done.push(step);
      },
      { concurrency: 8 },
    );
    await bus.steps.sendMany(some(['a', 'b', 'c'], 30));
    await clock.advance(0);
    expect(byKey(done)).toEqual({ a: upTo(30), b: upTo(30), c: upTo(30) });
    expect(mostOfOneKey).toBe(1);
    expect(mostAtOnce).toBeGreaterThan(1);
  });

  it('holds over failures, and a failing head blocks its own key only', async () => {
    const { bus, clock } = await bench({ steps });
    const done: Step[] = [];
    await bus.steps.consume((step, { attempt }) => {
      if (step.key === 'a' && step.number === 1 && attempt < 3) throw new Error('again');
      done.push(step);
    });
    await bus.steps.sendMany(some(['a', 'b'], 5));
    await clock.advance(500);
    expect(byKey(done)).toEqual({ a: [0], b: upTo(5) });
    await clock.advance(2000);
    expect(byKey(done)).toEqual({ a: upTo(5), b: upTo(5) });
  });

  it('goes on behind a head that was buried', async () => {
    const { bus, broker, clock } = await bench({ steps });
    const done: Step[] = [];
    await bus.steps.consume((step) => {
      if (step.number === 1) throw new Error('never');
      done.push(step);
    });
    await bus.steps.sendMany(some(['a'], 4));
    await clock.advance(10_000);
    expect(byKey(done)).toEqual({ a: [0, 2, 3] });
    expect(broker.messages('steps.dead')).toHaveLength(1);
  });

  it('holds over cuts, with no two of a key at once', async () => {
    const { bus, broker, clock } = await bench({ steps });
    const running = new Set<string>();
    const overlaps: Step[] = [];
    const done: Step[] = [];
    let runs = 0;
    await bus.steps.consume(
      async (step) => {
        if (running.has(step.key)) overlaps.push(step);
        running.add(step.key);
        if (++runs % 7 === 0) broker.faults.disconnect();
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
        running.delete(step.key);
        done.push(step);
      },
      { concurrency: 4 },
    );
    await bus.steps.sendMany(some(['a', 'b', 'c'], 10));
    for (let turn = 0; turn < 100; turn++) await clock.advance(100);
    expect(overlaps).toEqual([]);
    for (const key of ['a', 'b', 'c']) {
      const first = upTo(10).map((number) => done.findIndex((step) => step.key === key && step.number === number));
      expect(first).toEqual(first.toSorted((left, right) => left - right));
      expect(first).not.toContain(-1);
    }
  });

  it('with total order runs one at a time, in send order', async () => {
    const { bus, clock } = await bench({ line });
    const runs: number[] = [];
    let running = 0;
    await bus.line.consume(async (value, { attempt }) => {
      expect(++running).toBe(1);
      runs.push(value);
      await Promise.resolve();
      running--;
      if (value === 2 && attempt === 1) throw new Error('again');
    });
    await bus.line.sendMany(upTo(6));
    await clock.advance(1000);
    expect(runs).toEqual([0, 1, 2, 2, 3, 4, 5]);
  });

  it('holds while the broker refuses some sends for now', async () => {
    const { bus, broker, clock } = await bench(
      { steps },
      { broker: { faults: { overload: 0.1, dropConfirm: 0.1 }, seed: 7 }, bus: { sendTimeoutMs: 600_000 } },
    );
    const sending = Promise.allSettled(some(['a', 'b'], 40).map((step) => bus.steps.send(step)));
    await clock.advance(300_000);
    expect((await sending).filter(({ status }) => status === 'rejected')).toEqual([]);
    broker.faults.clear();
    const done: Step[] = [];
    await bus.steps.consume((step) => void done.push(step));
    await clock.advance(0);
    expect(byKey(done)).toEqual({ a: upTo(40), b: upTo(40) });
  });

  it('sends one of a key at a time to a broker that may store a later one of a refused one', async () => {
    const { bus, clock } = await bench({ steps, line }, { less: { queue: { partial: 'each' } } });
    await Promise.all([bus.steps.sendMany(some(['a', 'b'], 20)), bus.line.sendMany(upTo(20))]);
    const done: Step[] = [];
    const inLine: number[] = [];
    await bus.steps.consume((step) => void done.push(step));
    await bus.line.consume((value) => void inLine.push(value));
    await clock.advance(0);
    expect(byKey(done)).toEqual({ a: upTo(20), b: upTo(20) });
    expect(inLine).toEqual(upTo(20));
  });

  it('lets thousands of synchronous followers run without growing the stack', async () => {
    const log = stream('log', { schema: type<number>(), needs: { order: 'key', group: true }, key: () => 'one' });
    const { bus, clock } = await bench({ log });
    const first = gate();
    const seen: number[] = [];
    await bus.log.consume(
      (value) => {
        seen.push(value);
        return value === 0 ? first.promise : undefined;
      },
      { group: 'g', concurrency: 20_000, maxInFlight: 20_000, window: 20_000 },
    );
    await bus.log.appendMany(upTo(20_000));
    await clock.advance(0);
    first.open();
    await clock.advance(1000);
    expect(seen).toHaveLength(20_000);
    expect(await bus.log.depth({ group: 'g' })).toMatchObject({ ready: 0 });
  });
});
