import { checkDuration, checkFields, type Check } from '../check.ts';
import type { RetrySchedule } from '../driver/topology.ts';

/** Milliseconds to wait after the given failed attempt (1 is the first). */
export interface Backoff {
  (attempt: number): number;
  /** Present where the waits are `firstMs × attempt`: some brokers keep such a schedule by themselves. */
  readonly schedule?: RetrySchedule;
}
export interface ExponentialOptions {
  /** After the first failure. */
  readonly firstMs: number;
  /** @default 2 */
  readonly factor?: number;
  /** @default 3 600 000, an hour */
  readonly maxMs?: number;
  /** Up to this part of the wait is added at random, so that failures do not return together. @default 0 */
  readonly jitter?: number;
}

const longestMs = 3_600_000;
/** Not given, it is refused like any other wrong value. */
const required: object = { firstMs: NaN };
const duration = checkDuration({});
const atLeast =
  (least: number): Check =>
  (value) =>
    typeof value === 'number' && value >= least ? undefined : `must be a number, ${least} or more`;

/** `firstMs × factor^(attempt − 1)`, at most `maxMs`. */
export function exponential(options: ExponentialOptions): Backoff {
  checkFields(
    'exponential',
    { ...required, ...options },
    { firstMs: duration, factor: atLeast(1), maxMs: duration, jitter: atLeast(0) },
  );
  const { firstMs, factor = 2, maxMs = longestMs, jitter = 0 } = options;
  return (attempt) => Math.round(Math.min(maxMs, firstMs * factor ** (attempt - 1) * (1 + jitter * Math.random())));
}

/** `firstMs × attempt`, at most `maxMs`. RabbitMQ 4.3 keeps this one natively. */
export function linear(options: { readonly firstMs: number; readonly maxMs?: number }): Backoff {
  checkFields('linear', { ...required, ...options }, { firstMs: duration, maxMs: duration });
  const { firstMs, maxMs = longestMs } = options;
  return Object.assign((attempt: number) => Math.min(maxMs, firstMs * attempt), { schedule: { firstMs, maxMs } });
}

/** The same wait each time. 0 tries again at once. */
export function fixed(ms: number): Backoff {
  checkFields('fixed', { ms: ms ?? NaN }, { ms: duration });
  return () => ms;
}
