import { describe, expect, test } from 'vitest';
import { Pace } from '../src/arms/memory/pace.ts';
import { inArrays, inLanes } from '../src/arms/shared/lanes.ts';
import { LatencySamples } from '../src/arms/shared/latency.ts';
import { indexOf, makeOrder, makeOrders, orderBytes } from '../src/arms/shared/order.ts';

describe('an order', () => {
  test.each([0, 1, 999, 1_000_000])('number %i is 200 bytes of JSON and knows its number', (index) => {
    const order = makeOrder(index);
    expect(Buffer.byteLength(JSON.stringify(order))).toBe(orderBytes);
    expect(indexOf(order)).toBe(index);
  });
});

describe('latency', () => {
  test('quantiles are samples that were seen', () => {
    const samples = new LatencySamples(1000);
    for (let microseconds = 1000; microseconds >= 1; microseconds--) samples.add(microseconds);
    expect(samples.summary()).toEqual({ samples: 1000, p50: 500, p90: 900, p99: 990, p999: 999, max: 1000 });
  });

  test('of nothing is an error', () => {
    expect(() => new LatencySamples(10).summary()).toThrow('No samples');
  });
});

test('lanes send every index once, in order, and no more at once than there are lanes', async () => {
  const sent: number[] = [];
  let open = 0;
  let most = 0;
  await inLanes(5, 20, 4, async (index) => {
    sent.push(index);
    most = Math.max(most, ++open);
    await Promise.resolve();
    open--;
  });
  expect(sent).toEqual(Array.from({ length: 20 }, (_, offset) => 5 + offset));
  expect(most).toBe(4);
});

test('arrays cover everything, the last one with what is left', async () => {
  const calls: [number, number][] = [];
  await inArrays(10, 7, 3, async (first, count) => calls.push([first, count]));
  expect(calls).toEqual([
    [10, 3],
    [13, 3],
    [16, 1],
  ]);
  expect(makeOrders(2, 3).map(indexOf)).toEqual([2, 3, 4]);
});

describe('a pace', () => {
  test('holds the producer back until half of what it is ahead is handled', async () => {
    const pace = new Pace(4);
    expect(pace.sending(4)).toBeUndefined();
    let mayGoOn = false;
    const waiting = pace.sending(1)?.then(() => (mayGoOn = true));
    await turn();
    pace.handled();
    pace.handled();
    await turn();
    expect(mayGoOn).toBe(false);
    pace.handled();
    await waiting;
    expect(mayGoOn).toBe(true);
  });

  test('gives the event loop a turn, also where everything is handled at once', async () => {
    const pace = new Pace(2);
    let turns = 0;
    setImmediate(() => turns++);
    for (let sent = 0; sent < 3; sent++) {
      await pace.sending(1);
      pace.handled();
    }
    expect(turns).toBe(1);
  });

  test('resolves when everything is handled', async () => {
    const pace = new Pace(4);
    void pace.sending(2);
    const all = pace.all();
    pace.handled();
    pace.handled();
    await all;
    expect(pace.all()).toBeUndefined();
  });
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
