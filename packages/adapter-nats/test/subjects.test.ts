import { describe, expect, test } from 'vitest';
import { addressOf, tokenOf, unescaped } from '../src/names.ts';
import { choiceOf, routed, routingKeyOf } from '../src/subjects.ts';

describe('names', () => {
  const odd = ['a', 'A', 'a.b', 'a=2Eb', 'a b', 'a*', 'a>', 'a/b', 'a%b', 'ü', '\u{1f600}', '$a', '_-'];

  test('every name is a token of its own, without any letter that NATS or its files read, and comes back', () => {
    const tokens = odd.map(tokenOf);
    expect(new Set(tokens).size).toBe(odd.length);
    for (const token of tokens) expect(token).toMatch(/^[\w=-]+$/);
    expect(tokens.map(unescaped)).toEqual(odd);
  });

  test('a name that is too long is refused, and options say other names', () => {
    expect(() => addressOf({ kind: 'queue', name: 'ü'.repeat(60) })).toThrow(/at most 255/);
    const native = { stream: 'ORDERS', subject: 'orders.in' };
    expect(addressOf({ kind: 'queue', name: 'x', native })).toMatchObject({ stream: 'ORDERS', subject: 'orders.in' });
    expect(() => addressOf({ kind: 'queue', name: 'x', native: { stream: 'a.b' } })).toThrow(/cannot be used/);
    expect(() => addressOf({ kind: 'queue', name: 'x', native: { streams: 'a' } })).toThrow(/unknown nats option/);
  });
});

describe('routing keys', () => {
  test.each(['a', 'a.b.c', 'a..b', '.', 'a b', '*.>', 'a=b', '50%', 'ü.\u{1f600}'])('%j comes back', (key) => {
    const subject = routed('base', key);
    expect(subject).toMatch(/^base(\.[^\s.*>]+)+$/);
    expect(routingKeyOf('base', subject)).toBe(key);
  });

  test('none is the subject itself', () => {
    expect([routed('base', undefined), routed('base', '')]).toEqual(['base', 'base']);
    expect([routingKeyOf('base', 'base'), routingKeyOf('base', 'other.a')]).toEqual([undefined, undefined]);
  });
});

describe('patterns', () => {
  test.each([
    [undefined, []],
    ['#', []],
    ['#.#', []],
    ['a.*.b', ['t.a.*.b']],
    ['a.#', ['t.a', 't.a.>']],
    ['a.#.#', ['t.a', 't.a.>']],
  ])('%j is what the server chooses by', (pattern, subjects) => {
    expect(choiceOf('t', pattern, true)).toEqual({ subjects });
  });

  test('what the server cannot say is widened, and chosen from', () => {
    expect(choiceOf('t', 'a.#', false).subjects).toEqual([]);
    const middle = choiceOf('t', 'a.#.z', true);
    expect(middle.subjects).toEqual(['t.a.>']);
    expect(['a.z', 'a.b.z', 'a.b.c.z', 'a', 'a.b', 'b.z', 'az', 'a.bz'].map((key) => middle.matches!(key))).toEqual([
      ...[true, true, true],
      ...[false, false, false, false, false],
    ]);
    const last = choiceOf('t', '#.b', true);
    expect(last.subjects).toEqual(['t.>']);
    expect(['b', 'a.b', '', 'b.a'].map((key) => last.matches!(key))).toEqual([true, true, false, false]);
  });
});
