import { expect, test } from 'vitest';
import { addFaults, Sequence } from '../src/arms/shared/sequence.ts';

function faultsOf(numbers: readonly number[], expected: number) {
  const sequence = new Sequence();
  for (const number of numbers) sequence.see(number);
  return sequence.faults(expected);
}

test('a complete sequence in order has no faults', () => {
  expect(faultsOf([0, 1, 2, 3], 4)).toEqual({ lost: 0, duplicates: 0, outOfOrder: 0 });
});

test('what never came is lost, at the end and in the middle', () => {
  expect(faultsOf([0, 1], 4)).toEqual({ lost: 2, duplicates: 0, outOfOrder: 0 });
  expect(faultsOf([0, 1, 3], 4)).toMatchObject({ lost: 1, duplicates: 0 });
});

test('what came before its turn is out of order, and is not lost when the gap closes', () => {
  expect(faultsOf([0, 2, 3, 1, 4], 5)).toEqual({ lost: 0, duplicates: 0, outOfOrder: 2 });
});

test('what came twice is a duplicate, whether its turn was over or not yet reached', () => {
  expect(faultsOf([0, 1, 1, 2], 3)).toEqual({ lost: 0, duplicates: 1, outOfOrder: 0 });
  expect(faultsOf([0, 2, 2, 1], 3)).toEqual({ lost: 0, duplicates: 1, outOfOrder: 1 });
});

test('a repetition does not count as another message', () => {
  const sequence = new Sequence();
  for (const number of [0, 0, 1, 1]) sequence.see(number);
  expect(sequence.seen).toBe(2);
});

test('faults of several sequences add up', () => {
  const one = { lost: 1, duplicates: 2, outOfOrder: 3 };
  expect(addFaults([one, one])).toEqual({ lost: 2, duplicates: 4, outOfOrder: 6 });
  expect(addFaults([])).toEqual({ lost: 0, duplicates: 0, outOfOrder: 0 });
});
