const rejected: unique symbol = Symbol.for('waybill.reject') as never;
const later: unique symbol = Symbol.for('waybill.retry-later') as never;

/** Thrown by a handler: straight to the dead letters, no further attempt. */
export class Reject extends Error {
  override readonly name = 'Reject';
  readonly [rejected] = true;
}

/** Thrown by a handler: give it back and try again after `delayMs` milliseconds. Counts as an attempt. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly [later] = true;
  readonly delayMs: number;
  constructor(delayMs: number, message: string = `retry in ${delayMs} ms`) {
    super(message);
    this.delayMs = delayMs;
  }
}

/** Also true for another copy of this package, which `instanceof` would miss. */
export const isReject = (error: unknown): boolean => isBranded(error, rejected);
export const isRetryLater = (error: unknown): error is RetryLater => isBranded(error, later);
const isBranded = (error: unknown, brand: symbol): boolean =>
  typeof error === 'object' && error !== null && brand in error;
