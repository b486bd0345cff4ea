import type { Outgoing } from '../driver/message.ts';
import { textOf } from '../error/error.ts';
import type { Loan } from '../receive/loan.ts';
import { countOf } from './marks.ts';
import { newId } from '../send/id.ts';

const longestError = 1024;
const ascii = (text: string): string => text.slice(0, longestError).replace(/[^\x20-\x7e]/g, '?') || '?';

/**
 * The same message again, as a new send: same id, body and fields. `step` names what the copy is for. The send id is
 * made of that, the source and the time of the first send: the same when a crash makes us copy again, so that a broker
 * that drops duplicates keeps one, and another for every other copy, of another subscription for example.
 */
function copyOf(
  loan: Loan,
  now: number,
  step: string,
  headers: Readonly<Record<string, string>>,
  source = loan.source,
): Outgoing {
  const { incoming } = loan;
  const id = incoming.id ?? newId();
  return {
    id,
    sendId: `${id}/${step} ${source} ${incoming.sentAt ?? ''}`,
    body: incoming.body,
    copyOf: incoming.native,
    contentType: incoming.contentType ?? 'application/octet-stream',
    sentAt: incoming.sentAt ?? now,
    headers: { ...incoming.headers, ...headers },
    key: incoming.key,
    routingKey: incoming.routingKey,
    replyTo: incoming.replyTo,
    correlationId: incoming.correlationId,
    priority: incoming.priority,
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
export function deadCopy(loan: Loan, now: number, source: string, reason: string, error: unknown): Outgoing {
  const headers = {
    'waybill-dead-reason': ascii(reason),
    'waybill-dead-error': ascii(textOf(error)),
    'waybill-dead-from': ascii(source),
    'waybill-dead-attempts': String(loan.attempt),
    'waybill-dead-at': String(now),
  };
  return copyOf(loan, now, `dead ${lives(loan)}`, headers, source);
}

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
