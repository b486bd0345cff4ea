import type { DeadLetterCause } from '../receive/delivery.ts';

/** Core's own headers. Users can neither set nor see them. */
export const reservedPrefix = 'waybill-';
const isReserved = (name: string): boolean => name.startsWith(reservedPrefix);

/** The headers without core's own, frozen: what a handler does to them must not reach a retry. */
export function ownHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.freeze(Object.fromEntries(Object.entries(headers).filter(([name]) => !isReserved(name))));
}

/** The cause a dead letter carries, if it is one. */
export function causeOf(headers: Readonly<Record<string, string>>): DeadLetterCause | undefined {
  const reason = headers['waybill-dead-reason'];
  if (reason === undefined) return undefined;
  return {
    reason,
    error: headers['waybill-dead-error'] ?? '',
    from: headers['waybill-dead-from'] ?? '',
    attempts: Number(headers['waybill-dead-attempts'] ?? 0),
    at: Number(headers['waybill-dead-at'] ?? 0),
  };
}
