import { describe, expect, test } from 'vitest';
import { before, compareIds, isBefore, mostSequence, readId } from '../src/ids.ts';

describe('ids', () => {
  const inOrder = [
    '0-0',
    '0-1',
    '9-0',
    '10-9',
    '10-10',
    '10-1000000000000',
    '12-3',
    '1700000000000-0',
    '1700000000000-9',
    '1700000000000-10',
    `1700000000000-${mostSequence}`,
    '1700000000001-0',
  ];

  test.each(inOrder.map((id, at) => [id, at] as const))('%s has its place among all others', (id, at) => {
    expect(inOrder.map((other) => Math.sign(compareIds(id, other)))).toEqual(
      inOrder.map((_, other) => Math.sign(at - other)),
    );
    expect(isBefore(id, id)).toBe(false);
  });

  test.each([
    ['5-3', '5-2'],
    ['5-0', `4-${mostSequence}`],
    [`5-${mostSequence}`, '5-18446744073709551614'],
  ])('before %s is %s', (id, expected) => {
    expect(before(id)).toBe(expected);
  });

  test('of a user: as the server writes them, or none', () => {
    expect(['1-1', '007-00', '7', '-1', '1-', 'a-b', '1-1-1'].map(readId)).toEqual([
      '1-1',
      '7-0',
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
