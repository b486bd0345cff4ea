import { WaybillError } from '@waybill/core';
import { expect, test } from 'vitest';
import { differences, makeExpect } from '../src/expect.ts';

test('what is lost, doubled and foreign is told apart', () => {
  expect(differences(['a', 'b'], ['b', 'a'])).toBe('');
  expect(differences(['a', 'a', 'x'], ['a', 'b'])).toBe('1 lost (b); 1 doubled (a); 1 foreign (x)');
  expect(differences([], ['a', 'a', 'b'])).toBe('3 lost (a, a, b)');
  expect(differences(['a'], [])).toBe('1 foreign (a)');
  expect(differences([], ['1', '2', '3', '4', '5', '6', '7'])).toBe('7 lost (1, 2, 3, 4, 5, …)');
});

test('one loss and one duplicate do not cancel out', () => {
  expect(() => makeExpect().sameMembers(['a', 'a'], ['a', 'b'], 'ids')).toThrow('ids: 1 lost (b); 1 doubled (a)');
});

test('every assertion counts, also one that fails', () => {
  const it = makeExpect();
  it.ok(true, 'ok');
  it.equal(1, 1, 'equal');
  it.deepEqual({ a: [1] }, { a: [1] }, 'deepEqual');
  it.match('abc', /b/, 'match');
  it.between(2, 1, 3, 'between');
  expect(() => it.between(4, 1, 3, 'between')).toThrow('between: 4 is not between 1 and 3');
  expect(() => it.fail('fail')).toThrow('fail');
  expect(it.count).toBe(7);
});

test('assertions are strict', () => {
  const it = makeExpect();
  expect(() => it.equal<unknown>(1, '1', 'equal')).toThrow();
  expect(() => it.deepEqual({ a: undefined }, {}, 'deepEqual')).toThrow();
  expect(() => it.ok(0, 'zero')).toThrow('zero');
});

test('a rejection is asked for its code', async () => {
  const it = makeExpect();
  const denied = new WaybillError('denied', 'not you');
  expect(await it.rejects(Promise.reject(denied), ['denied', 'closed'], 'it')).toBe(denied);
  expect(
    await it.rejects(
      () => {
        throw denied;
      },
      'denied',
      'it',
    ),
  ).toBe(denied);
  await expect(it.rejects(Promise.reject(denied), 'closed', 'it')).rejects.toThrow(
    'it: the code is denied, not closed: not you',
  );
  await expect(it.rejects(Promise.resolve(), 'closed', 'it')).rejects.toThrow(
    'it: it resolved, and had to be refused with closed',
  );
  await expect(it.rejects(Promise.reject(new Error('raw')), 'closed', 'it')).rejects.toThrow('no WaybillError');
});
