import { describe, expect, it } from 'vitest';
import { deadCopy, hopCopy, redriveCopy, retryCopy } from '../../src/emulate/copies.ts';
import type { Incoming, Outgoing } from '../../src/driver/index.ts';
import { Loan, type LoanKeeper } from '../../src/receive/loan.ts';

const keeper: LoanKeeper = {
  lane: { id: '' },
  source: 'jobs',
  staysInOrder: false,
  settle() {},
  settled() {},
  gone() {},
  start() {},
  again() {},
  extend: () => Promise.resolve('settled'),
  setup: {
    fate: { retryLater: () => Promise.resolve(), bury: () => Promise.resolve() },
    terms: { output: () => Promise.resolve() },
  },
};
const loan = (more: Partial<Incoming> = {}): Loan =>
  new Loan({ body: Buffer.from('x'), headers: { own: 'a' }, id: 'one', native: 'native', ...more }, keeper, Infinity);
/** The copy as a broker would hand it out. */
const received = ({ body, headers, id, key, sentAt }: Outgoing, more: Partial<Incoming> = {}): Loan =>
  loan({ body, headers, id, key, sentAt, ...more });

describe('copies', () => {
  it('are the same message: id, body, key, fields, and what strings cannot carry', () => {
    const given = { key: 'k', routingKey: 'r', replyTo: 'p', correlationId: 'c', contentType: 'text/x', sentAt: 5 };
    for (const copy of [
      retryCopy(loan(given), 9, 'jobs', 10),
      deadCopy(loan(given), 9, 'jobs', 'exhausted', 'boom'),
      redriveCopy(loan(given), 9),
      hopCopy(loan(given), 9),
    ]) {
      expect(copy).toMatchObject({ ...given, id: 'one', copyOf: 'native' });
      expect(String(copy.body)).toBe('x');
      expect(copy.headers['own']).toBe('a');
    }
  });

  it('have the same send id when they are made again, and another for every other purpose, attempt, hop and life', () => {
    const first = loan();
    expect(retryCopy(loan(), 1, 'jobs', 2).sendId).toBe(retryCopy(first, 7, 'jobs', 9).sendId);
    const second = received(retryCopy(first, 1, 'jobs', 2));
    const dead = received(deadCopy(second, 3, 'jobs', 'exhausted', new Error('boom')));
    const again = received(redriveCopy(dead, 4));
    const ids = [
      first.id,
      retryCopy(first, 1, 'jobs', 2).sendId,
      hopCopy(received(retryCopy(first, 1, 'jobs', 2)), 2).sendId,
      hopCopy(received(hopCopy(received(retryCopy(first, 1, 'jobs', 2)), 2)), 2).sendId,
      retryCopy(second, 1, 'jobs', 2).sendId,
      hopCopy(received(retryCopy(second, 1, 'jobs', 2)), 2).sendId,
      deadCopy(second, 1, 'jobs', 'exhausted', '').sendId,
      redriveCopy(dead, 1).sendId,
      retryCopy(again, 1, 'jobs', 2).sendId,
      deadCopy(again, 1, 'jobs', 'exhausted', '').sendId,
      redriveCopy(received(deadCopy(again, 1, 'jobs', 'exhausted', '')), 1).sendId,
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('of one message that died in two places are two', () => {
    expect(deadCopy(loan(), 1, 'news/a', 'exhausted', '').sendId).not.toBe(
      deadCopy(loan(), 1, 'news/b', 'exhausted', '').sendId,
    );
  });

  it('count attempts over copies, and begin again when redriven', () => {
    const expiring = loan({ headers: { own: 'a', 'waybill-expires': '99', 'waybill-hop': '2' } });
    const third = received(retryCopy(received(retryCopy(expiring, 1, 'jobs', 2)), 1, 'jobs', 2));
    expect(third.attempt).toBe(3);
    const letter = received(deadCopy(third, 7, 'jobs', 'exhausted', new Error('boom')));
    expect(letter.deadLetter).toEqual({ reason: 'exhausted', error: 'Error: boom', from: 'jobs', attempts: 3, at: 7 });
    const redriven = redriveCopy(letter, 8);
    expect(Object.keys(redriven.headers).toSorted((a, b) => a.localeCompare(b))).toEqual(['own', 'waybill-redriven']);
    expect(received(redriven).attempt).toBe(1);
    expect(received(redriven).deadLetter).toBeUndefined();
    expect(redriven.headers).toMatchObject({ own: 'a', 'waybill-redriven': '1' });
  });

  it('say the cause in ASCII and within bounds, whatever it was', () => {
    const { headers } = deadCopy(loan(), 1, 'größe', '', new Error(`ü\n${'x'.repeat(5000)}`));
    for (const [name, value] of Object.entries(headers)) {
      expect(name).toMatch(/^[\x21-\x7e]+$/);
      expect(value).toMatch(/^[\x20-\x7e]{1,1024}$/);
    }
  });

  it('of a message without an id get one', () => {
    expect(deadCopy(loan({ id: undefined }), 1, 'jobs', 'exhausted', '').id).toMatch(/^[0-9a-f-]{36}$/);
  });
});
