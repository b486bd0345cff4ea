/** Every way Waybill can fail: a closed set. `errorCodes` says what each means. */
export type ErrorCode =
  | 'aborted'
  | 'already-settled'
  | 'closed'
  | 'decode'
  | 'denied'
  | 'internal'
  | 'invalid'
  | 'lease-lost'
  | 'mismatch'
  | 'not-found'
  | 'overloaded'
  | 'protocol'
  | 'rejected'
  | 'timeout'
  | 'too-large'
  | 'unavailable'
  | 'unknown-outcome'
  | 'unroutable'
  | 'unsupported';

/** What each code means, and whether the same call may work later. Core alone retries, and only by this table. */
export const errorCodes: Readonly<Record<ErrorCode, { readonly retryable: boolean; readonly meaning: string }>> = {
  aborted: { retryable: false, meaning: 'The caller gave up through its signal.' },
  'already-settled': { retryable: false, meaning: 'The delivery has another outcome already.' },
  closed: { retryable: false, meaning: 'The bus, consumer or link was closed.' },
  decode: { retryable: false, meaning: 'The bytes are not what the codec or schema expects.' },
  denied: { retryable: false, meaning: 'The broker refused the credentials or the permission.' },
  internal: { retryable: false, meaning: 'An error nobody foresaw; please report it.' },
  invalid: { retryable: false, meaning: 'An argument, option, name or message that can never work.' },
  'lease-lost': { retryable: false, meaning: 'The delivery is no longer ours; it will be delivered again.' },
  mismatch: { retryable: false, meaning: 'A place exists on the broker and is not what was declared.' },
  'not-found': { retryable: false, meaning: 'The place, or the adapter package, does not exist.' },
  overloaded: { retryable: true, meaning: 'The broker asks for fewer or later requests.' },
  protocol: { retryable: false, meaning: 'The peer does not speak the protocol that was expected.' },
  rejected: { retryable: false, meaning: 'The broker refused the message: certainly not stored.' },
  timeout: { retryable: true, meaning: 'No answer in time, for something without effect.' },
  'too-large': { retryable: false, meaning: 'The message is above the limit of the broker.' },
  unavailable: { retryable: true, meaning: 'No connection: certainly not stored.' },
  'unknown-outcome': { retryable: false, meaning: 'Sent, but the answer was lost: it may or may not be stored.' },
  unroutable: { retryable: false, meaning: 'The broker has no place that takes this message.' },
  unsupported: { retryable: false, meaning: 'This broker cannot do that, and Waybill cannot stand in for it.' },
};

export const isRetryable = (code: ErrorCode): boolean => errorCodes[code].retryable;

/** What became of one message of a `sendMany`. `index` points into the values that were given. */
export interface SendFailure {
  readonly index: number;
  readonly error: WaybillError;
}

export interface ErrorDetails {
  readonly cause?: unknown;
  readonly broker?: string | undefined;
  readonly destination?: string | undefined;
  readonly failures?: readonly SendFailure[];
}

const brand: unique symbol = Symbol.for('waybill.error') as never;

/** The one error class. The message says what failed, where, and what to do, in that order. */
export class WaybillError extends Error {
  override readonly name = 'WaybillError';
  readonly code: ErrorCode;
  /** The driver's name, where a broker is concerned. */
  readonly broker: string | undefined;
  readonly destination: string | undefined;
  /** `sendMany` and its like: every message that was not stored. */
  readonly failures: readonly SendFailure[];
  readonly [brand] = true;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.broker = details.broker;
    this.destination = details.destination;
    this.failures = details.failures ?? [];
  }

  /** The same call may work later. */
  get retryable(): boolean {
    return isRetryable(this.code);
  }

  /** Of a send: `unknown` if the message may be stored all the same, `rejected` if it certainly is not. */
  get outcome(): 'rejected' | 'unknown' {
    return this.code === 'unknown-outcome' ? 'unknown' : 'rejected';
  }

  /** Also true for an error of another copy of this package, which `instanceof` would miss. */
  static is(error: unknown, code?: ErrorCode): error is WaybillError {
    if (typeof error !== 'object' || error === null || !(brand in error)) return false;
    return code === undefined || (error as WaybillError).code === code;
  }
}

/** A mistake of the caller's: what, where, and what to do. */
export const invalid = (message: string, details?: ErrorDetails): WaybillError =>
  new WaybillError('invalid', message, details);

/** Any thrown thing as one line of text, also what has none. */
export function textOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return 'something that cannot be printed was thrown';
  }
}
