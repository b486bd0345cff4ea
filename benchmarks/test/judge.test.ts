import { describe, expect, test } from 'vitest';
import type { Measured } from '../src/arms/shared/measured.ts';
import { judgeRow } from '../src/harness/judge.ts';
import { orderOf, type Run } from '../src/harness/measure.ts';
import { finish, reasonsToVoid } from '../src/harness/result.ts';
import type { Gate, Row } from '../src/harness/row.ts';

const faultless = { lost: 0, duplicates: 0, outOfOrder: 0 };

/** A run whose CPU per message is `cpu` microseconds and whose rate is a million messages a second divided by `cpu`. */
function run(arm: string, pair: number, cpu: number, faults = faultless): Run {
  const measured: Measured = { messages: 1000, elapsedMs: cpu, userUs: cpu * 900, systemUs: cpu * 100, maxRssMb: 50 };
  return { arm, pair, measured, faults };
}

function row(gates: readonly Gate[], isControl = false): Omit<Row, 'field'> {
  const arm = (name: string) => ({ name, program: 'none', settings: {} });
  const arms = [arm('raw'), arm('ours')] as const;
  return {
    id: 'row',
    title: 'A row',
    arms,
    messages: 1000,
    warmUp: 0,
    metrics: ['cpu', 'rate'],
    gates,
    notes: [],
    isControl,
  };
}

/** One pair for each ratio; the machine gets slower from pair to pair, which must not matter. */
const pairs = (ratios: readonly number[]): Run[] =>
  ratios.flatMap((ratio, pair) => [run('raw', pair, 10 * (pair + 1)), run('ours', pair, 10 * (pair + 1) * ratio)]);

test('the order of the arms turns with every pair', () => {
  expect([0, 1, 2, 3].map((pair) => orderOf(['A', 'B'], pair).join(''))).toEqual(['AB', 'BA', 'AB', 'BA']);
});

describe('a ratio', () => {
  test('is taken pair by pair', () => {
    const { compared } = judgeRow({ row: row([]), runs: pairs([0.8, 0.8, 0.8]) });
    expect(compared[0]).toMatchObject({ metric: 'cpu', ratio: { median: 0.8, low: 0.8, high: 0.8 } });
    expect(compared[1]?.ratio?.median).toBeCloseTo(1.25);
  });

  test('does not depend on the order of the runs inside a pair', () => {
    const turned = pairs([0.5, 0.7, 0.9]).toReversed();
    const series = turned.toSorted((one, other) => one.pair - other.pair);
    expect(judgeRow({ row: row([]), runs: series }).compared[0]?.ratio?.median).toBeCloseTo(0.7);
  });
});

describe('a gate', () => {
  const cpu = (atMost: number): Gate => ({ metric: 'cpu', of: 'ratio', atMost });

  test('is met or missed by the median, and says when its interval reaches across the limit', () => {
    const runs = pairs([0.7, 0.75, 0.9]);
    expect(judgeRow({ row: row([cpu(0.8)]), runs }).judged).toMatchObject([{ verdict: 'met', isClose: true }]);
    expect(judgeRow({ row: row([cpu(0.95)]), runs }).judged).toMatchObject([{ verdict: 'met', isClose: false }]);
    expect(judgeRow({ row: row([cpu(0.5)]), runs }).judged).toMatchObject([{ verdict: 'missed', isClose: false }]);
  });

  test('on a figure looks at the last arm alone', () => {
    const gate: Gate = { metric: 'rate', of: 'figure', atLeast: 90_000 };
    expect(judgeRow({ row: row([gate]), runs: pairs([1]) }).judged).toMatchObject([{ verdict: 'met' }]);
    expect(judgeRow({ row: row([gate]), runs: pairs([2]) }).judged).toMatchObject([{ verdict: 'missed' }]);
  });

  test('that allows a difference is met by it', () => {
    const gate: Gate = { metric: 'cpu', of: 'ratio or difference', atMost: 1.05, differenceAtMost: 3 };
    expect(judgeRow({ row: row([gate]), runs: pairs([1.2]) }).judged).toMatchObject([{ verdict: 'met' }]);
    expect(judgeRow({ row: row([gate]), runs: pairs([1.4]) }).judged).toMatchObject([{ verdict: 'missed' }]);
  });

  test.each(['lost', 'duplicates', 'outOfOrder'])('is void when one run has a message %s', (fault) => {
    const [first, ...others] = pairs([0.5, 0.5]);
    const runs = [{ ...first!, faults: { ...faultless, [fault]: 1 } }, ...others];
    const { judged, faulty } = judgeRow({ row: row([cpu(0.8)]), runs });
    expect(judged).toMatchObject([{ verdict: 'void' }]);
    expect(faulty).toHaveLength(1);
  });
});

describe('a session', () => {
  const control = (ratios: readonly number[]) => finish({ row: row([], true), runs: pairs(ratios) });

  test('counts when raw against raw includes 1.00 and its median is within 3 %', () => {
    expect(reasonsToVoid([control([0.99, 1.01, 1.02, 0.98, 1])])).toEqual([]);
  });

  test('is void when raw against raw is off by more than 3 %, even if its interval includes 1.00', () => {
    expect(reasonsToVoid([control([0.9, 1.05, 1.06, 1.05, 1.1])])).toContainEqual(expect.stringContaining('1.05'));
  });

  test('is void when the interval leaves 1.00 out, even by little', () => {
    expect(reasonsToVoid([control([1.01, 1.01, 1.02, 1.01])])).toContainEqual(expect.stringContaining('for cpu'));
  });

  test('is void without a control', () => {
    expect(reasonsToVoid([finish({ row: row([]), runs: pairs([1, 1]) })])).toEqual(['no control was run']);
  });
});
