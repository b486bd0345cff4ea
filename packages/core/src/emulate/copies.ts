import type { Outgoing } from '../driver/message.ts';
import { textOf } from '../error/error.ts';
import type { Loan } from '../receive/loan.ts';
import { countOf } from './marks.ts';
import { newId } from '../send/id.ts';

const longestError = 1024;
const ascii = (text: string): string => text.slice(0, longestError).replace(/[^\x20-\x7e]/g, '?') || '?';

/**
 * The same message again, as a new send: same id, body and fields. `step` names what the copy is for; the send id
 * made from it is the same when a crash makes us copy again, so brokers that dedup keep one copy.
 */
function copyOf(loan: Loan, now: number, step: string, headers: Readonly<Record<string, string>>): Outgoing {
  const { incoming } = loan;
  const id = incoming.id ?? newId();
  return {
    id,
    sendId: `${id}/${step}`,
    body: incoming.body,
    copyOf: incoming.native,
    contentType: incoming.contentType ?? 'application/octet-stream',
    sentAt: incoming.sentAt ?? now,
    headers: { ...incoming.headers, ...headers },
    key: incoming.key,
    routingKey: incoming.routingKey,
    replyTo: incoming.replyTo,
    correlationId: incoming.correlationId,
  };
}

/** How often the message was redriven so far. */
const lives = (loan: Loan): number => countOf(loan.incoming.headers, 'waybill-redriven');

/** A copy for another try: the attempts so far travel with it, since the broker's count starts again. */
export const retryCopy = (loan: Loan, now: number, target: string, dueAt: number): Outgoing =>
  copyOf(loan, now, `retry ${lives(loan)}.${loan.attempt}`, {
    'waybill-attempts': String(loan.attempt),
    'waybill-to': target,
    'waybill-due': String(dueAt),
  });

/** A copy for the dead letters, with the cause. */
export const deadCopy = (loan: Loan, now: number, source: string, reason: string, error: unknown): Outgoing =>
  copyOf(loan, now, `dead ${lives(loan)}`, {
    'waybill-dead-reason': ascii(reason),
    'waybill-dead-error': ascii(textOf(error)),
    'waybill-dead-from': ascii(source),
    'waybill-dead-attempts': String(loan.attempt),
    'waybill-dead-at': String(now),
  });

/** A dead letter on its way back: attempts, expiry and due time start again, the provenance stays. */
export function redriveCopy(loan: Loan, now: number): Outgoing {
  const copy = copyOf(loan, now, `redrive ${lives(loan)}`, { 'waybill-redriven': String(lives(loan) + 1) });
  const headers = Object.fromEntries(
    Object.entries(copy.headers).filter(([name]) => !/^waybill-(dead-|attempts$|to$|due$|hop$|expires$)/.test(name)),
  );
  return { ...copy, headers };
}

/** A delayed message on its next hop. */
export function hopCopy(loan: Loan, now: number): Outgoing {
  const hop = countOf(loan.incoming.headers, 'waybill-hop') + 1;
  return copyOf(loan, now, `hop ${lives(loan)}.${countOf(loan.incoming.headers, 'waybill-attempts')}.${hop}`, {
    'waybill-hop': String(hop),
  });
}
