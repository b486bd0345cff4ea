import { expect, test } from 'vitest';
import { quantity, report } from '../src/harness/report.ts';
import { finish, reasonsToVoid, type SessionFacts } from '../src/harness/result.ts';
import type { Run } from '../src/harness/measure.ts';
import type { Row } from '../src/harness/row.ts';

const facts: SessionFacts = {
  broker: 'a broker',
  startedAt: '2026-01-01T00:00:00.000Z',
  minutes: 3,
  machine: {
    processor: 'one',
    cores: 2,
    memoryGb: 8,
    system: 'linux',
    node: '24',
    v8: '13',
    clients: 'amqplib 2',
    commit: 'abc',
    load: [1, 2, 3],
  },
  code: 'packages',
  size: { pairs: 2, messages: 1000 },
  isQuick: false,
};
const arm = (name: string) => ({ name, program: 'none', settings: {} });

function finished(isControl: boolean, ratio: number, lost = 0) {
  const row: Row = {
    id: isControl ? 'control' : 'row',
    title: isControl ? 'Control' : 'A row',
    target: 3,
    arms: [arm('raw'), arm('ours')],
    messages: 1000,
    warmUp: 10,
    metrics: ['cpu'],
    gates: isControl ? [] : [{ metric: 'cpu', of: 'ratio', atMost: 1.05 }],
    notes: ['the same for both'],
    isControl,
  };
  const run = (name: string, pair: number, cpu: number): Run => ({
    arm: name,
    pair,
    measured: { messages: 1000, elapsedMs: 1, userUs: cpu * 1000, systemUs: 0, maxRssMb: 1 },
    faults: { lost, duplicates: 0, outOfOrder: 0 },
  });
  return finish({ row, runs: [0, 1].flatMap((pair) => [run('raw', pair, 20), run('ours', pair, 20 * ratio)]) });
}

const textOf = (rows: readonly ReturnType<typeof finished>[]): string =>
  report({ facts, voidBecause: reasonsToVoid(rows), rows });

test('a report names the target, the limit, what was found and the verdict', () => {
  const text = textOf([finished(true, 1), finished(false, 0.8)]);
  expect(text).toContain('| 3 | A row (`row`) | cpu ratio ≤ 1.05 | 0.8 [0.8, 0.8] | met |');
  expect(text).toContain('- the same for both');
  expect(text).not.toContain('void');
});

test('a report says how busy the machine was meanwhile', () => {
  const rows = [finished(true, 1), finished(false, 0.8)].map((row, index) => ({ ...row, load: 2 + index * 10 }));
  expect(textOf(rows)).toContain('| load while it ran | 2 to 12 (1 minute, after each row) |');
});

test('a row that loses is printed as missed', () => {
  expect(textOf([finished(true, 1), finished(false, 1.5)])).toContain('1.5 [1.5, 1.5] | **missed** |');
});

test('a session whose control is off says first that it is void, and why', () => {
  const text = textOf([finished(true, 1.2), finished(false, 0.8)]);
  expect(text.indexOf('**This session is void.**')).toBeLessThan(text.indexOf('## Session'));
  expect(text).toContain('- control: raw against raw shows 1.200 [1.200, 1.200] for cpu');
});

test('a row with a lost message says so and is not met', () => {
  const text = textOf([finished(true, 1), finished(false, 0.8, 2)]);
  expect(text).toContain('| **void** |');
  expect(text).toContain('- raw, pair 1: 2 lost, 0 repeated, 0 out of order');
});

test('quantities have three to four significant digits', () => {
  expect([0.12345, 1.23456, 12.3456, 123.456, 1234.56, 1_234_567].map(quantity)).toEqual([
    '0.123',
    '1.235',
    '12.35',
    '123.5',
    '1,235',
    '1,234,567',
  ]);
});
