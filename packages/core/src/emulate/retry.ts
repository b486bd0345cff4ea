import { isReject, isRetryLater } from '../error/thrown.ts';
import { type Backoff, exponential } from './backoff.ts';

/** How a failed handler is tried again. */
export interface RetryPolicy {
  /** Handler runs before the message is given up. @default 5 */
  readonly attempts: number;
  /** @default exponential({ firstMs: 1000, jitter: 0.1 }) */
  readonly backoff: Backoff;
}

const defaultRetry: RetryPolicy = { attempts: 5, backoff: exponential({ firstMs: 1000, jitter: 0.1 }) };
export const retryPolicy = (given: Partial<RetryPolicy> | undefined): RetryPolicy => ({ ...defaultRetry, ...given });

/** What becomes of a failed delivery. A value: deciding and doing are apart. */
export type Verdict =
  | { readonly action: 'retry'; readonly delayMs: number }
  | { readonly action: 'bury'; readonly reason: BuryReason };
export type BuryReason = 'rejected' | 'exhausted' | 'undecodable' | 'expired';

/** The retry policy's word on a failed run. */
export function judge(error: unknown, attempt: number, policy: RetryPolicy): Verdict {
  if (isReject(error)) return { action: 'bury', reason: 'rejected' };
  if (attempt >= policy.attempts) return { action: 'bury', reason: 'exhausted' };
  return {
    action: 'retry',
    delayMs: isRetryLater(error) && isWait(error.delayMs) ? error.delayMs : waitOf(policy.backoff, attempt),
  };
}

/** A backoff of the user's that throws, or answers nonsense, counts as the default. */
export function waitOf(backoff: Backoff, attempt: number): number {
  try {
    const ms: unknown = backoff(attempt);
    if (isWait(ms)) return ms;
  } catch {
    return defaultRetry.backoff(attempt);
  }
  return defaultRetry.backoff(attempt);
}
const isWait = (ms: unknown): ms is number => typeof ms === 'number' && Number.isFinite(ms) && ms >= 0;
