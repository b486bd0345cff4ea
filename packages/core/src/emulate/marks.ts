import type { DeadLetterCause } from '../receive/delivery.ts';

/** Core's own headers. Users can neither set nor see them. */
export const reservedPrefix = 'waybill-';
const isReserved = (name: string): boolean => name.startsWith(reservedPrefix);

/** The headers without core's own, frozen: what a handler does to them must not reach a retry. */
export function ownHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.freeze(Object.fromEntries(Object.entries(headers).filter(([name]) => !isReserved(name))));
}

/** A number in one of core's own headers. What a foreign producer wrote there by mistake counts as none. */
export function countOf(headers: Readonly<Record<string, string>>, name: string): number {
  const value = Number(headers[name] ?? 0);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** The cause a dead letter carries, if it is one. */
export function causeOf(headers: Readonly<Record<string, string>>): DeadLetterCause | undefined {
  const reason = headers['waybill-dead-reason'];
  if (reason === undefined) return undefined;
  return {
    reason,
    error: headers['waybill-dead-error'] ?? '',
    from: headers['waybill-dead-from'] ?? '',
    attempts: countOf(headers, 'waybill-dead-attempts'),
    at: countOf(headers, 'waybill-dead-at'),
  };
}
