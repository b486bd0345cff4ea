import type { Clock } from '../clock.ts';
import type { ChannelCapabilities } from '../driver/capabilities.ts';
import type { Incoming } from '../driver/message.ts';
import type { Source, Target } from '../driver/place.ts';
import type { RetrySchedule } from '../driver/topology.ts';
import type { Fate } from '../emulate/fate.ts';
import type { RetryPolicy } from '../emulate/retry.ts';
import type { ErrorCode } from '../error/error.ts';
import type { Middleware } from '../middleware/middleware.ts';
import type { Observer } from '../observe/observer.ts';
import type { Sending } from '../send/options.ts';
import type { Sender } from '../send/sender.ts';
import type { SendTerms } from '../send/terms.ts';
import type { Loan } from './loan.ts';
import type { Work } from './runner.ts';
import type { Scheduler } from './scheduler.ts';

/** Everything that holds for one consumer as long as it lives; made once, read by all its parts. */
export interface ConsumerTerms {
  /** As it is called in events: the queue, or `topic/subscription`. */
  readonly name: string;
  readonly source: Source;
  /** Where a retry copy goes. */
  readonly target: Extract<Target, { readonly order: unknown }>;
  readonly channel: ChannelCapabilities;
  readonly atMostOnce: boolean;
  readonly exactlyOnce: boolean;

  readonly concurrency: number;
  readonly maxInFlight: number;
  readonly leaseMs: number;
  readonly drainMs: number;
  /** Positions: most messages delivered beyond the last commit, per lane. */
  readonly window: number;
  readonly keyOf: ((loan: Loan) => string) | undefined;

  readonly decode: (incoming: Incoming) => unknown;
  readonly handler: (value: unknown, loan: Loan) => unknown;
  /** Settling is left to the user: returning does not accept. */
  readonly byHand: boolean;
  /** What a handler sends through its delivery: resolves when it is stored, or ready to go out with the position. */
  readonly output: (loan: Loan, to: object, value: unknown, options?: Sending) => Promise<void>;
  readonly middleware: readonly Middleware[];
  readonly handlerTimeoutMs: number | undefined;
  /** Emulated filters: what does not match is accepted unseen. */
  readonly matches: ((incoming: Incoming) => boolean) | undefined;
  /** Messages may carry the time when they expire. */
  readonly expires: boolean;

  readonly retry: RetryPolicy;
  /** What the broker waits by itself after a failure. */
  readonly schedule: RetrySchedule | undefined;
  /** What the delay queues are called after, and their steps. */
  readonly beside: string;
  readonly steps: readonly number[];
  readonly deadLetter: string | undefined;
  /** Deliveries after which a message is buried without a run, because each ended its consumer. */
  readonly mostDeliveries: number;

  readonly sender: Sender;
  readonly copyTerms: SendTerms;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly codeOf: (error: unknown) => ErrorCode;
}

/** What a consumer's intakes share over all its receivers. */
export interface IntakeSetup {
  readonly terms: ConsumerTerms;
  readonly scheduler: Scheduler<Loan>;
  readonly fate: Fate;
  readonly work: Work;
  readonly keep: (lane: string, through: string) => void;
}
