import { describe, expect, test } from 'vitest';
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../src/protocol/subscription.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('what members tell each other', () => {
  test('comes back as it was said', () => {
    const said = { topics: ['one', 'größe'], owned: new Map([['one', [0, 2]]]), generation: 7 };
    expect(decodeSubscription(encodeSubscription(said))).toEqual(said);
    const given = new Map([
      ['one', [0, 1, 5]],
      ['two', []],
    ]);
    expect(decodeAssignment(encodeAssignment(given))).toEqual(given);
  });
  test('is read of members of older and newer versions, with data of their own', () => {
    // Version 0: one topic, three bytes of user data.
    const oldest = hex('0000 00000001 0001 74 00000003 010203');
    expect(decodeSubscription(oldest)).toEqual({ topics: ['t'], owned: new Map(), generation: -1 });
    // Version 3 as Java writes it: owned t/1, generation 5, no rack.
    const newest = hex('0003 00000001 0001 74 ffffffff 00000001 0001 74 00000001 00000001 00000005 ffff');
    expect(decodeSubscription(newest)).toEqual({ topics: ['t'], owned: new Map([['t', [1]]]), generation: 5 });
  });
  test('of nothing is nothing', () => {
    expect(decodeAssignment(Buffer.alloc(0))).toEqual(new Map());
  });
});
