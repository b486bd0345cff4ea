import { describe, expect, it } from 'vitest';
import { checkDuration, checkFields, checkTimestamp, oneOf, suggestion } from '../../src/check.ts';
import { Backlog } from '../../src/backlog.ts';
import { realClock, type Timer } from '../../src/clock.ts';
import { bytes, json, text } from '../../src/codec/codec.ts';
import { patternOf } from '../../src/emulate/filter.ts';
import { judge } from '../../src/emulate/retry.ts';
import { exponential, fixed, linear, Reject, RetryLater, type RetryPolicy } from '../../src/index.ts';
import { thrown } from '../support.ts';

describe('patterns follow the rules of AMQP', () => {
  it.each([
    ['a.b', 'a.b', true],
    ['a.b', 'a.c', false],
    ['a.b', 'a.b.c', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a', false],
    ['a.*', 'a.b.c', false],
    ['*', '', false],
    ['*.*', 'a.b', true],
    ['#', '', true],
    ['#', 'a', true],
    ['#', 'a.b.c', true],
    ['a.#', 'a', true],
    ['a.#', 'a.b.c', true],
    ['a.#', 'b', false],
    ['#.c', 'c', true],
    ['#.c', 'a.b.c', true],
    ['#.c', 'a.c.b', false],
    ['a.#.c', 'a.c', true],
    ['a.#.c', 'a.b.b.c', true],
    ['a.#.c.*', 'a.c.c', true],
    ['a.#.#.c', 'a.c', true],
    ['#.b.#', 'a.b.c', true],
    ['#.b.#', 'a.c', false],
    ['*.#', '', false],
    ['*.#', 'a', true],
    ['a.*.c', 'a..c', true],
    ['a', 'A', false],
    ['', '', true],
    ['', 'a', false],
    ['a*', 'ab', false],
  ])('%j and %j: %j', (pattern, routingKey, matches) => {
    expect(patternOf(pattern)(routingKey)).toBe(matches);
  });
});

describe('backoffs', () => {
  const waits = (backoff: (attempt: number) => number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => backoff(index + 1));

  it('exponential doubles, or grows by its factor, up to its maximum', () => {
    expect(waits(exponential({ firstMs: 100 }), 5)).toEqual([100, 200, 400, 800, 1600]);
    expect(waits(exponential({ firstMs: 100, factor: 10, maxMs: 5000 }), 4)).toEqual([100, 1000, 5000, 5000]);
    expect(exponential({ firstMs: 1000 })(2000)).toBe(3_600_000);
  });

  it('exponential spreads by its jitter, never above its maximum', () => {
    const backoff = exponential({ firstMs: 100, maxMs: 400, jitter: 0.5 });
    const firsts = Array.from({ length: 200 }, () => backoff(1));
    const lasts = Array.from({ length: 200 }, () => backoff(9));
    expect(Math.min(...firsts)).toBeGreaterThanOrEqual(100);
    expect(Math.max(...firsts)).toBeLessThanOrEqual(150);
    expect(new Set(firsts).size).toBeGreaterThan(10);
    expect(Math.max(...lasts)).toBeLessThanOrEqual(400);
  });

  it('linear grows by its first, and says its schedule; fixed stays', () => {
    expect(waits(linear({ firstMs: 100, maxMs: 250 }), 4)).toEqual([100, 200, 250, 250]);
    expect(linear({ firstMs: 100, maxMs: 250 }).schedule).toEqual({ firstMs: 100, maxMs: 250 });
    expect(waits(fixed(7), 3)).toEqual([7, 7, 7]);
  });

  it('what a failure means', () => {
    const policy: RetryPolicy = { attempts: 3, backoff: fixed(50) };
    expect(judge(new Error('boom'), 1, policy)).toEqual({ action: 'retry', delayMs: 50 });
    expect(judge(new Error('boom'), 3, policy)).toEqual({ action: 'bury', reason: 'exhausted' });
    expect(judge(new Reject('no'), 1, policy)).toEqual({ action: 'bury', reason: 'rejected' });
    expect(judge(new RetryLater(9), 1, policy)).toEqual({ action: 'retry', delayMs: 9 });
    expect(judge(new RetryLater(9), 3, policy)).toEqual({ action: 'bury', reason: 'exhausted' });
    const sane = judge(new Error('boom'), 1, { attempts: 3, backoff: () => -1 });
    expect(sane).toMatchObject({ action: 'retry' });
    expect('delayMs' in sane && sane.delayMs).toBeGreaterThanOrEqual(1000);
  });
});

describe('checks', () => {
  it.each([
    ['retires', ['retry', 'retries'], '; did you mean "retries"?'],
    ['conCurrency', ['concurrency', 'x'], '; did you mean "concurrency"?'],
    ['quantity', ['topology', 'window'], '; there are: topology, window'],
  ])('a suggestion for %j of %j', (name, known, expected) => {
    expect(suggestion(name, known)).toBe(expected);
  });

  it('nothing is suggested of nothing', () => {
    expect(suggestion('a', [])).toBe('');
  });

  it('unknown fields and wrong values are told with their place', () => {
    const fields = { size: oneOf('small', 'large') };
    checkFields('here', { size: 'small' }, fields);
    checkFields('here', { size: undefined }, fields);
    checkFields('here', {}, fields);
    expect(thrown(() => checkFields('here', { size: 'huge' }, fields)).message).toContain('here: size must be');
    expect(thrown(() => checkFields('here', { toString: 1 }, fields)).message).toContain(
      'there is no option "toString"',
    );
    expect(thrown(() => checkFields('here', [], fields))).toMatchObject({ code: 'invalid' });
  });

  it.each([0, 1, 0.5, 86_400_000 * 366])('%d milliseconds are a duration', (ms) => {
    expect(checkDuration({})(ms)).toBeUndefined();
  });
  it.each([-1, Number.NaN, Infinity, '5', null, 86_400_000 * 367])('%j is none', (ms) => {
    expect(checkDuration({})(ms)).toBeDefined();
  });

  it('times in seconds and microseconds are questioned', () => {
    const now = Date.now();
    expect(checkTimestamp(now)).toBeUndefined();
    expect(checkTimestamp(0)).toBeUndefined();
    expect(checkTimestamp(Math.floor(now / 1000))).toContain('seconds');
    expect(checkTimestamp(now * 1000)).toContain('microseconds');
    expect(checkTimestamp(new Date())).toContain('epoch milliseconds');
  });
});

describe('codecs', () => {
  const values = ['', 'ascii', 'héllo ✓ 𝒳', '\ufeffwith a mark', '\ufffd', '\ufeff\ufffd', 'a\0b'];
  it.each(values)('text %j comes back as it was, from a Buffer and from a Uint8Array', (value) => {
    expect(text.decode(text.encode(value))).toBe(value);
    expect(text.decode(new Uint8Array(text.encode(value)))).toBe(value);
  });
  it.each([...values, null, 0, -1.5, true, [1, [2]], { a: { b: ['c'] } }])('JSON %j comes back as it was', (value) => {
    expect(json.decode(json.encode(value))).toEqual(value);
    expect(json.decode(new Uint8Array(json.encode(value)))).toEqual(value);
  });
  it.each([[0xff], [0xc3], [0xed, 0xa0, 0x80], [0x22, 0xc0, 0x80, 0x22]])(
    'bytes %j, ... are no UTF-8 and are refused, not altered',
    (...given) => {
      for (const codec of [json, text]) {
        expect(() => codec.decode(Buffer.from(given))).toThrow();
        expect(() => codec.decode(Uint8Array.from(given))).toThrow();
      }
    },
  );
  it('bytes are copied when they are sent, so that the caller may use the array again', () => {
    const given = Uint8Array.of(1, 2, 3);
    const sent = bytes.encode(given);
    given[0] = 9;
    expect([...sent]).toEqual([1, 2, 3]);
  });
  it.each([
    ['application/json', true],
    ['application/json; charset=utf-8', true],
    ['Application/JSON', true],
    ['application/problem+json', true],
    ['text/json', true],
    [undefined, true],
    ['text/plain', false],
    ['application/xml', false],
    ['application/jsonlines', false],
  ])('JSON takes %j: %j', (contentType, taken) => {
    expect(json.accepts(contentType)).toBe(taken);
  });
});

describe('Backlog', () => {
  it('gives back what came first, through growing, shrinking and compaction', () => {
    const backlog = new Backlog<number>();
    const out: number[] = [];
    let next = 0;
    for (let round = 0; round < 40; round++) {
      for (let index = 0; index < 137; index++) backlog.push(next++);
      out.push(...(round % 3 === 0 ? backlog.take(50) : []));
      for (let index = 0; index < 60; index++) out.push(backlog.shift()!);
    }
    while (backlog.size > 0) out.push(...backlog.take(1000));
    expect(out).toEqual(Array.from({ length: next }, (_, index) => index));
    expect([backlog.shift(), backlog.size, backlog.take(5)]).toEqual([undefined, 0, []]);
  });

  it('takes out by a condition, and removes, and leaves the rest in order', () => {
    const backlog = new Backlog<number>();
    for (let index = 0; index < 10; index++) backlog.push(index);
    backlog.shift();
    expect(backlog.takeWhere(2, (one) => one % 3 === 0)).toEqual([3, 6]);
    backlog.remove((one) => one > 7);
    expect([backlog.size, backlog.take(9)]).toEqual([5, [1, 2, 4, 5, 7]]);
  });
});

describe('the real clock', () => {
  it('waits longer than a timer of Node can', async () => {
    let timer!: Timer;
    const fired = new Promise((resolve) => (timer = realClock.after(2 ** 31 + 5, () => resolve('fired'))));
    const waiting = new Promise((resolve) => realClock.after(30, () => resolve('waiting')));
    expect(await Promise.race([fired, waiting])).toBe('waiting');
    timer.cancel();
  });

  it('may be told not to wait any longer', () => {
    const before = process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
    realClock.after(2 ** 31 + 5, () => {}).cancel();
    expect(process.getActiveResourcesInfo().filter((one) => one === 'Timeout')).toHaveLength(before);
  });
});
