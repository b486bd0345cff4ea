import { describe, expect, test } from 'vitest';
import { estimate, medianOf } from '../src/harness/statistics.ts';

describe('the median', () => {
  test('is the middle value, or the mean of the two in the middle', () => {
    expect(medianOf([3, 1, 2])).toBe(2);
    expect(medianOf([4, 1, 3, 2])).toBe(2.5);
  });

  test('of nothing is an error, not a figure', () => {
    expect(() => medianOf([])).toThrow('No values');
  });
});

describe('the interval', () => {
  test('is the value itself where all values agree', () => {
    expect(estimate([1.5, 1.5, 1.5, 1.5])).toEqual({ median: 1.5, low: 1.5, high: 1.5, count: 4 });
  });

  test('includes the median and stays inside the values', () => {
    const values = [0.91, 1.2, 0.98, 1.04, 1.01, 0.97, 1.02, 0.99, 1.1];
    const { median, low, high } = estimate(values);
    expect(median).toBe(1.01);
    expect(low).toBeLessThanOrEqual(median);
    expect(high).toBeGreaterThanOrEqual(median);
    expect(low).toBeGreaterThanOrEqual(Math.min(...values));
    expect(high).toBeLessThanOrEqual(Math.max(...values));
  });

  test('is the same for the same values, so that a report can be checked', () => {
    const values = [1, 2, 4, 8, 16, 32];
    expect(estimate(values)).toEqual(estimate(values));
  });

  test('contains the true median in about 95 of 100 samples', () => {
    const random = evenNumbers(7);
    const samples = Array.from({ length: 60 }, () => estimate(Array.from({ length: 15 }, random)));
    const hits = samples.filter(({ low, high }) => low <= 0.5 && 0.5 <= high).length;
    expect(hits / samples.length).toBeGreaterThan(0.85);
    expect(hits / samples.length).toBeLessThan(1);
  }, 60_000);
});

/** Numbers from 0 to 1 whose true median is 0.5, the same in every run. */
function evenNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
