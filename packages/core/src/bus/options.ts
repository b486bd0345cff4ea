import type { Clock } from '../clock.ts';
import type { Middleware } from '../middleware/middleware.ts';
import type { BusEvent } from '../observe/events.ts';
import type { Resend } from '../send/terms.ts';

/** What holds for a whole bus. */
export interface BusOptions {
  /**
   * What to do about queues, topics and streams at start-up. `create` makes what is missing, `verify` fails on what is
   * missing or different, `assume` looks at nothing. @default 'create'
   */
  readonly topology?: 'create' | 'verify' | 'assume';
  /** How long `connect` waits for the first connection, and `consume` for its first receiver. Milliseconds. @default 10 000 */
  readonly connectTimeoutMs?: number;
  /** How long a send waits for its outcome, through reconnections. Milliseconds. @default 30 000 */
  readonly sendTimeoutMs?: number;
  /** What is sent again by itself. @default 'always' where the broker drops duplicates, else 'safe' */
  readonly resend?: Resend;
  /** Most messages sent and not yet confirmed; further sends wait. @default 1000 */
  readonly window?: number;
  /** Most sends waiting for the window before `send` refuses with `overloaded`. @default 100 000 */
  readonly maxWaiting?: number;
  /** Around every handler of every consumer, outermost first. */
  readonly middleware?: readonly Middleware[];
  /** Told what happens. Without it, and without a subscriber on the diagnostics channels, what is serious becomes a process warning. */
  readonly observe?: (event: BusEvent) => void;
  /** For tests: time as core sees it. @default the system's */
  readonly clock?: Clock;
}
