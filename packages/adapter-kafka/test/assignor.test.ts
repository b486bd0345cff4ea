import { describe, expect, test } from 'vitest';
import { assign, type Subscriber } from '../src/protocol/assignor.ts';

const member = (
  id: string,
  owned: readonly number[] = [],
  generation = 1,
  topics: readonly string[] = ['t'],
): Subscriber => ({
  id,
  topics,
  owned: new Map([['t', owned]]),
  generation,
});
const plan = (members: readonly Subscriber[], count: number): Record<string, readonly number[]> =>
  Object.fromEntries(
    [...assign(members, new Map([['t', count]]))].map(([id, all]) => [
      id,
      [...(all.get('t') ?? [])].sort((a, b) => a - b),
    ]),
  );

describe('assign', () => {
  test('gives one member everything', () => {
    expect(plan([member('a')], 3)).toEqual({ a: [0, 1, 2] });
  });
  test('withholds what another member must give up first, and gives it in the next round', () => {
    expect(plan([member('a', [0, 1, 2, 3]), member('b', [], -1)], 4)).toEqual({ a: [0, 1], b: [] });
    expect(plan([member('a', [0, 1]), member('b', [])], 4)).toEqual({ a: [0, 1], b: [2, 3] });
  });
  test('moves nothing that need not move', () => {
    expect(plan([member('a', [0, 1]), member('b', [2]), member('c', [3, 4])], 5)).toEqual({
      a: [0, 1],
      b: [2],
      c: [3, 4],
    });
  });
  test('spreads what a member left behind', () => {
    expect(plan([member('a', [0, 1]), member('b', [4, 5])], 6)).toEqual({ a: [0, 1, 2], b: [3, 4, 5] });
  });
  test('leaves members without, where there are more members than partitions', () => {
    const plans = plan([member('a', [0]), member('b', []), member('c', [])], 2);
    expect(plans['a']).toEqual([0]);
    expect([...(plans['b'] ?? []), ...(plans['c'] ?? [])]).toEqual([1]);
  });
  test('believes the newer of two members that claim a partition', () => {
    expect(plan([member('a', [0, 1], 3), member('b', [0, 1], 7)], 2)).toEqual({ a: [], b: [0] });
  });
  test('gives a member only topics that it asked for', () => {
    expect(plan([member('a'), member('b', [], 1, ['other'])], 2)).toEqual({ a: [0, 1], b: [] });
  });
});
