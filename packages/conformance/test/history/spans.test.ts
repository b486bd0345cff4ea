import { describe, expect, it } from 'vitest';
import { Spans } from '../../src/history/spans.ts';

describe('spans', () => {
  const spans = new Spans<{ from: number; to: number }>();
  for (const [from, to] of [
    [10, 100],
    [20, 30],
    [200, 210],
    [40, 40],
  ] as const)
    spans.add({ from, to });

  it.each([
    [0, 9, undefined],
    [0, 10, 10],
    [100, 150, 10],
    [101, 199, undefined],
    [35, 38, 10],
    [210, 300, 200],
    [211, 300, undefined],
  ])('from %i to %i', (from, to, expected) => {
    expect(spans.find(from, to)?.from).toBe(expected);
  });

  it('are passed over where they do not match', () => {
    expect(spans.find(35, 45, (span) => span.from !== 10)?.from).toBe(40);
    expect(spans.find(35, 39, (span) => span.from !== 10)).toBeUndefined();
  });
});
