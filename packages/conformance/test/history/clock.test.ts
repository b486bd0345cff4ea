import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  alignClock,
  answerClock,
  check,
  historyOf,
  openHistory,
  readHistory,
  type Claim,
  type ClockOffset,
  type HistoryEvent,
} from '../../src/history/index.ts';

describe('alignClock', () => {
  it('finds the offset inside the uncertainty that it states, and keeps the fastest answer', async () => {
    let now = 1_000;
    const delays = [40, 2, 30];
    const ask = async (): Promise<number> => {
      const delay = delays.shift()!;
      now += delay / 4;
      const parent = now + 3_600_000;
      now += (delay * 3) / 4;
      return parent;
    };
    const { offsetMs, uncertaintyMs } = await alignClock(ask, 3, () => now);
    expect(uncertaintyMs).toBe(1);
    expect(Math.abs(offsetMs - 3_600_000)).toBeLessThanOrEqual(uncertaintyMs);
  });

  it('needs a round', async () => {
    await expect(alignClock(async () => 0, 0)).rejects.toThrow(/at least one round, got 0/);
  });

  it('puts the events of a real child between those of its parent', { timeout: 30_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'history-'));
    const parent = openHistory({ directory, run: 'run', process: 'parent' });
    const child = fork(join(import.meta.dirname, 'clock-child.ts'), [directory], {
      execArgv: ['--conditions=waybill-source'],
    });
    const aligned = new Promise<ClockOffset>((resolve) => {
      child.on(
        'message',
        (message: ClockOffset | string) => typeof message === 'object' && 'offsetMs' in message && resolve(message),
      );
    });
    answerClock(child);
    const { uncertaintyMs, offsetMs } = await aligned;
    parent.record({ type: 'connection.down' });
    child.send('record');
    await once(child, 'exit');
    parent.record({ type: 'connection.up' });
    parent.close();
    const [down, drain, up] = [...readHistory(directory, 'run')].filter(({ type }) => type !== 'header');
    expect([down?.type, drain?.type, up?.type]).toEqual(['connection.down', 'drain.begin', 'connection.up']);
    expect(drain?.process).toBe('child');
    expect(uncertaintyMs).toBeGreaterThan(0);
    expect(offsetMs).toBeGreaterThan(10);
    rmSync(directory, { recursive: true });
  });
});

describe('a skewed clock', () => {
  const CLAIM: Claim = { delivery: 'at-least-once', order: 'key' };

  /** One process handles `a`, the other `b`, which starts `gapMs` after the handler of `a` ended by their clocks. */
  function handOver(gapMs: number, uncertaintyMs: number): HistoryEvent[] {
    const header = (process: string): HistoryEvent => ({
      type: 'header',
      version: 1,
      run: 'r',
      process,
      at: 0,
      offsetMs: 0,
      uncertaintyMs: process === 'parent' ? 0 : uncertaintyMs,
    });
    const publish = (message: string, at: number): HistoryEvent[] => [
      { type: 'publish.invoke', message, destination: 'orders', key: 'k', process: 'parent', at },
      { type: 'publish.ok', message, process: 'parent', at: at + 1 },
    ];
    const handle = (process: string, message: string, at: number): HistoryEvent[] => [
      { type: 'deliver', delivery: message, message, subscription: 'orders', process, at },
      { type: 'handled', delivery: message, outcome: 'ok', process, at: at + 10 },
    ];
    return [
      header('parent'),
      header('one'),
      header('two'),
      { type: 'subscribe.ready', subscription: 'orders', destination: 'orders', process: 'one', at: 0 },
      ...publish('a', 1),
      ...publish('b', 3),
      ...handle('one', 'a', 100),
      ...handle('two', 'b', 110 + gapMs),
      { type: 'drain.end', depth: 0, process: 'parent', at: 500 },
    ];
  }

  it('is forgiven inside the stated uncertainty of both clocks, and not beyond', () => {
    expect(check(historyOf(handOver(-3, 2)), CLAIM)).toMatchObject({ outcome: 'valid', anomalies: [] });
    expect(check(historyOf(handOver(-5, 2)), CLAIM).counts.anomalies).toEqual({ overlap: 1 });
    expect(check(historyOf(handOver(-25, 2)), CLAIM).counts.anomalies).toEqual({ reordered: 1 });
  });

  it('does not make a phantom of a message that seems to arrive before it was published', () => {
    const events = handOver(5, 2).map((event) =>
      event.process === 'one' || event.process === 'two' ? { ...event, at: event.at - 101 } : event,
    );
    expect(check(historyOf(events), CLAIM)).toMatchObject({ outcome: 'valid', anomalies: [] });
  });

  it('does not hide contents that differ in such a message', () => {
    const events = handOver(5, 2).map((event) => {
      if (event.type === 'publish.invoke') return { ...event, body: 'published' };
      const moved = event.process === 'one' || event.process === 'two' ? { ...event, at: event.at - 101 } : event;
      return moved.type === 'deliver' && moved.message === 'a' ? { ...moved, body: 'delivered' } : moved;
    });
    expect(check(historyOf(events), CLAIM).counts.anomalies).toEqual({ corrupted: 1 });
  });
});
