import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Gauge } from '../src/arms/shared/gauge.ts';
import { Meter } from '../src/arms/shared/meter.ts';
import { makeOrder } from '../src/arms/shared/order.ts';
import { measurePublishing } from '../src/arms/shared/publishing.ts';
import { sharesOf } from '../src/arms/shared/turns.ts';
import { orderOf } from '../src/harness/measure.ts';

const ours = (): Promise<void> => Promise.resolve();

test('the shares of the turns cover every message once', () => {
  expect(sharesOf(10, 4)).toEqual([3, 5, 8, 10]);
  expect(sharesOf(50_000, 1)).toEqual([50_000]);
});

test('who went first goes second in the next turn', () => {
  expect([0, 1, 2].map((turn) => orderOf(['A', 'B'], turn).join(''))).toEqual(['AB', 'BA', 'AB']);
});

describe('a gauge', () => {
  test('lets nothing through between turns, and counts everything once', async () => {
    const gauge = new Gauge({ program: 'none', warmUp: 2, messages: 4, turns: 2, settings: {} });
    const ended: number[] = [];
    const all = [0, 1, 2, 3, 4, 5].map((index) => gauge.handle(makeOrder(index)).then(() => ended.push(index)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toEqual([0, 1]);
    const { messages, faults } = await gauge.measured(ours);
    await Promise.all(all);
    expect(ended).toEqual([0, 1, 2, 3, 4, 5]);
    expect({ messages, faults }).toEqual({ messages: 4, faults: { lost: 0, duplicates: 0, outOfOrder: 0 } });
  });

  test('holds up nothing of what lies behind the measured part', async () => {
    const gauge = new Gauge({ program: 'none', warmUp: 1, messages: 1, settings: {} });
    const all = [0, 1, 2, 3].map((index) => gauge.handle(makeOrder(index)));
    expect(await gauge.measured(ours)).toMatchObject({ messages: 1 });
    await Promise.all([...all, gauge.handle(makeOrder(4))]);
  });
});

test('publishing sends the warm-up and every turn, from where the last one ended', async () => {
  const sent: [number, number][] = [];
  const assignment = { program: 'none', warmUp: 5, messages: 10, turns: 4, settings: {} };
  await measurePublishing(assignment, async (first, count) => void sent.push([first, count]), ours);
  expect(sent).toEqual([
    [0, 5],
    [5, 3],
    [8, 2],
    [10, 3],
    [13, 2],
  ]);
});

test('a meter counts the time of its turns only', async () => {
  const meter = new Meter();
  meter.start();
  meter.pause();
  const waited = performance.now();
  while (performance.now() - waited < 30);
  meter.start();
  const { elapsedMs, userUs, systemUs } = meter.stop(1);
  expect(elapsedMs).toBeLessThan(20);
  expect(userUs + systemUs).toBeGreaterThan(10_000);
});

test('a process takes a turn only when it is told to, and goes when nobody is there to tell it', async () => {
  const child = fork(fileURLToPath(new URL('turn-taker.ts', import.meta.url)), { stdio: 'ignore' });
  expect(await once(child, 'message')).toEqual(['idle', undefined]);
  child.send('go');
  expect(await once(child, 'message')).toEqual(['took 1', undefined]);
  const exited = once(child, 'exit');
  child.disconnect();
  expect(await exited).toEqual([1, null]);
});
