import type { RetrySchedule } from '../driver/topology.ts';
import { Reject, RetryLater } from '../error/error.ts';

/** Milliseconds to wait after the given failed attempt (1 is the first). */
export interface Backoff {
  (attempt: number): number;
  /** Present where the waits are `firstMs × attempt`: some brokers keep such a schedule by themselves. */
  readonly schedule?: RetrySchedule;
}

/** How a failed handler is tried again. */
export interface RetryPolicy {
  /** Handler runs before the message is given up. @default 5 */
  readonly attempts: number;
  /** @default exponential({ firstMs: 1000 }) */
  readonly backoff: Backoff;
}

/** `firstMs × factor^(attempt − 1)`, at most `maxMs`. Spread by up to `jitter` of itself, so that failures do not return together. */
export const exponential = (options: {
  readonly firstMs: number;
  readonly factor?: number;
  readonly maxMs?: number;
  readonly jitter?: number;
}): Backoff => {
  const { firstMs, factor = 2, maxMs = 3_600_000, jitter = 0 } = options;
  return (attempt) => Math.round(Math.min(maxMs, firstMs * factor ** (attempt - 1)) * (1 + jitter * Math.random()));
};

/** `firstMs × attempt`, at most `maxMs`. RabbitMQ 4.3 keeps this one natively. */
export const linear = ({
  firstMs,
  maxMs = 3_600_000,
}: {
  readonly firstMs: number;
  readonly maxMs?: number;
}): Backoff => Object.assign((attempt: number) => Math.min(maxMs, firstMs * attempt), { schedule: { firstMs, maxMs } });

/** The same wait each time. 0 tries again at once, which is a hot loop while the cause lasts. */
export const fixed =
  (ms: number): Backoff =>
  () =>
    ms;

const defaultRetry: RetryPolicy = { attempts: 5, backoff: exponential({ firstMs: 1000, jitter: 0.1 }) };
export const retryPolicy = (given: Partial<RetryPolicy> | undefined): RetryPolicy => ({ ...defaultRetry, ...given });

/** What becomes of a failed delivery. A value: deciding and doing are apart. */
export type Verdict =
  | { readonly action: 'retry'; readonly delayMs: number }
  | { readonly action: 'bury'; readonly reason: BuryReason };
export type BuryReason = 'rejected' | 'exhausted' | 'undecodable' | 'expired';

/** The retry policy's word on a failed run. A backoff that answers nonsense counts as its default. */
export function judge(error: unknown, attempt: number, policy: RetryPolicy): Verdict {
  if (error instanceof Reject) return { action: 'bury', reason: 'rejected' };
  if (attempt >= policy.attempts) return { action: 'bury', reason: 'exhausted' };
  return {
    action: 'retry',
    delayMs: sane(error instanceof RetryLater ? error.delayMs : policy.backoff(attempt), attempt),
  };
}

const sane = (ms: number, attempt: number): number =>
  Number.isFinite(ms) && ms >= 0 ? ms : defaultRetry.backoff(attempt);
