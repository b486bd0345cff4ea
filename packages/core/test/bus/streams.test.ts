import { describe, expect, it } from 'vitest';
import { stream, type } from '../../src/index.ts';
import { bench, foreign, gate, rawLink, rejection } from '../support.ts';

const log = stream('log', { schema: type<number>(), needs: { seek: 'timestamp', group: true } });
const keyed = stream('keyed', {
  schema: type<number>(),
  needs: { order: 'key', group: true },
  key: (value) => String(value % 5),
  partitions: 4,
});
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

async function read(reader: AsyncIterable<{ readonly value: number }>, count: number): Promise<number[]> {
  const values: number[] = [];
  for await (const { value } of reader) if (values.push(value) === count) break;
  return values;
}

describe('appending', () => {
  it('tells the position, from which reading goes on', async () => {
    const { bus, during } = await bench({ log });
    const positions = [await bus.log.append(1), await bus.log.append(2), await bus.log.append(3)];
    const from = { after: { '': positions[0] ?? '' }, otherwise: 'earliest' } as const;
    const lanes: string[] = [];
    const reader = bus.log.read({ limit: 1 });
    for await (const record of reader) lanes.push(record.lane);
    const lane = lanes[0] ?? '';
    expect(new Set(positions).size).toBe(3);
    expect(await during(read(bus.log.read({ from: { ...from, after: { [lane]: positions[0] ?? '' } } }), 2))).toEqual([
      2, 3,
    ]);
  });
});

describe('reading', () => {
  it('begins at either end, at a time, or after positions; and is bounded by limit, time or idleness', async () => {
    const { bus, clock, during } = await bench({ log });
    await bus.log.appendMany([1, 2]);
    await clock.advance(1000);
    const middle = clock.now();
    await bus.log.appendMany([3, 4]);
    await clock.advance(1000);
    const all = async (options: Parameters<typeof bus.log.read>[0]): Promise<number[]> => {
      const values: number[] = [];
      const reading = (async () => {
        for await (const { value } of bus.log.read({ idleMs: 100, ...options })) values.push(value);
      })();
      await during(reading);
      return values;
    };
    expect(await all({})).toEqual([1, 2, 3, 4]);
    expect(await all({ limit: 3 })).toEqual([1, 2, 3]);
    expect(await all({ from: { timestamp: middle } })).toEqual([3, 4]);
    expect(await all({ until: { timestamp: middle } })).toEqual([1, 2]);
    expect(await all({ from: 'latest' })).toEqual([]);
  });

  it('goes on in another process from reader.positions', async () => {
    const { bus, during } = await bench({ log });
    await bus.log.appendMany(upTo(10));
    const first = bus.log.read();
    const seen: number[] = [];
    for await (const { value } of first) if (seen.push(value) === 4) break;
    const second = bus.log.read({ from: { after: first.positions, otherwise: 'earliest' } });
    seen.push(...(await during(read(second, 7))));
    expect(seen).toEqual([0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('goes on after a reconnection where it was', async () => {
    const { bus, broker, during } = await bench({ log });
    await bus.log.appendMany(upTo(20));
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { value } of bus.log.read({ prefetch: 3 })) {
        seen.push(value);
        if (value === 5 && seen.length === 6) broker.faults.disconnect();
        if (value === 19) break;
      }
    })();
    await during(reading);
    expect([...new Set(seen)]).toEqual(upTo(20));
    expect(seen.length).toBeLessThanOrEqual(21);
  });

  it('twice with one reader: the second loop says what to do, or reads on', async () => {
    const { bus, clock, during } = await bench({ log });
    await bus.log.appendMany([1, 2]);
    const reader = bus.log.read();
    await during(read(reader, 1));
    const error = await during(rejection(read(reader, 1)));
    expect(error).toMatchObject({ code: 'closed' });
    expect(error.message).toMatchInlineSnapshot(
      `"stream log: this reader has been read; call read() again, from: { after: reader.positions, … } to go on"`,
    );
    await clock.advance(0);
  });
});

describe('a group', () => {
  it('keeps its position: the next consumer goes on behind what was handled', async () => {
    const { bus, clock, during } = await bench({ log });
    await bus.log.appendMany(upTo(5));
    const seen: number[] = [];
    const first = await bus.log.consume((value) => void seen.push(value), { group: 'g' });
    await clock.advance(0);
    await during(first.close());
    await bus.log.appendMany([5, 6]);
    await bus.log.consume((value) => void seen.push(value), { group: 'g' });
    await clock.advance(0);
    expect(seen).toEqual(upTo(7));
    await clock.advance(1000);
    expect(await bus.log.depth({ group: 'g' })).toMatchObject({ ready: 0 });
  });

  it('does not pass what is not finished: a hole is repeated by the next, what is behind it too', async () => {
    const { bus, clock, during } = await bench({ log });
    await bus.log.appendMany(upTo(4));
    const first = await bus.log.consume((value) => (value === 1 ? new Promise(() => {}) : undefined), {
      group: 'g',
      drainMs: 100,
    });
    await clock.advance(0);
    await during(first.close());
    const seen: number[] = [];
    await bus.log.consume((value) => void seen.push(value), { group: 'g' });
    await clock.advance(0);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('writes its position though commits fail, and before it is closed', async () => {
    const { bus, broker, clock, during } = await bench({ log });
    await bus.log.appendMany(upTo(5));
    const consumer = await bus.log.consume(() => {}, { group: 'g' });
    broker.faults.next('failSettle', 3);
    await clock.advance(0);
    await during(consumer.close());
    expect(broker.faults.log.filter(({ fault }) => fault === 'failSettle')).toHaveLength(3);
    expect(await bus.log.depth({ group: 'g' })).toMatchObject({ ready: 0 });
  });

  it('holds at most window records beyond the committed position', async () => {
    const { bus, clock } = await bench({ log });
    await bus.log.appendMany(upTo(200));
    const held = gate();
    const seen: number[] = [];
    await bus.log.consume(
      (value) => {
        seen.push(value);
        return value === 0 ? held.promise : undefined;
      },
      { group: 'g', window: 50 },
    );
    await clock.advance(1000);
    expect(seen).toHaveLength(50);
    held.open();
    await clock.advance(1000);
    expect(seen).toHaveLength(200);
  });

  it('moves by seek: back, forward, and to a time', async () => {
    const { bus, clock, during } = await bench({ log });
    await bus.log.appendMany([1, 2, 3]);
    const seen: number[] = [];
    const consumer = await bus.log.consume((value) => void seen.push(value), { group: 'g' });
    await clock.advance(100);
    await during(consumer.seek('earliest'));
    await clock.advance(100);
    expect(seen).toEqual([1, 2, 3, 1, 2, 3]);
    await during(consumer.seek('latest'));
    await bus.log.append(4);
    await clock.advance(100);
    expect(seen).toEqual([1, 2, 3, 1, 2, 3, 4]);
    await during(consumer.seek({ timestamp: clock.now() - 150 }));
    await clock.advance(100);
    expect(seen.at(-1)).toBe(4);
  });

  it('two seeks at once, and a close meanwhile, all have an end', async () => {
    const { bus, clock, during } = await bench({ log });
    await bus.log.appendMany([1, 2, 3]);
    const held = gate();
    const consumer = await bus.log.consume(() => held.promise, { group: 'g', concurrency: 1 });
    await clock.advance(0);
    const seeks = Promise.allSettled([consumer.seek('earliest'), consumer.seek('latest')]);
    const closing = consumer.close();
    held.open();
    await during(closing, 10_000);
    expect(await during(seeks, 1000)).toHaveLength(2);
  });

  it('is shared: each record once, each partition with one of them, order by key', async () => {
    const { bus, clock, during } = await bench({ keyed });
    const seen: number[] = [];
    const handler = (value: number): void => void seen.push(value);
    const first = await bus.keyed.consume(handler, { group: 'g' });
    await bus.keyed.appendMany(upTo(50));
    await clock.advance(100);
    await bus.keyed.consume(handler, { group: 'g' });
    await clock.advance(100);
    await bus.keyed.appendMany(upTo(100).slice(50));
    await clock.advance(100);
    await during(first.close());
    await clock.advance(1000);
    expect(seen.toSorted((a, b) => a - b)).toEqual(upTo(100));
    for (let key = 0; key < 5; key++) {
      const own = seen.filter((value) => value % 5 === key);
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
  });
});

describe('tombstones', () => {
  it('are null for the handler, and delete the key they are sent with', async () => {
    const { bus, broker, clock } = await bench({ log });
    const link = await rawLink(broker);
    await link.send({ kind: 'stream', name: 'log', order: 'none' }, [foreign(null, { key: 'k' })]);
    const seen: unknown[] = [];
    await bus.log.consume((value, { key }) => void seen.push([value, key]), { group: 'g' });
    await clock.advance(0);
    expect(seen).toEqual([[null, 'k']]);
    await link.close();
  });
});
