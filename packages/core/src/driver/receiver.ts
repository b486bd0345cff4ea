import type { Incoming, Outgoing, Positioned, Receipted } from './message.ts';
import type { Start, Target } from './place.ts';

export interface ReceiveOptions {
  readonly signal: AbortSignal;
  /**
   * `at-most-once`: `pull` returns only what the broker has already forgotten (no-ack mode, confirmed delete,
   * commit), and nothing is settled afterwards. An acknowledgement that may not arrive would let a message run twice.
   */
  readonly delivery: 'at-most-once' | 'at-least-once';
  /** Most deliveries unsettled at any time: the prefetch of a pushing broker. */
  readonly maxInFlight: number;
  /** Lease style: the lease to ask for. */
  readonly leaseMs: number;
}

/** One consumer on one link. Its style says what can be done with what it hands out. */
export type Receiver = MessageReceiver | LeaseReceiver | PositionReceiver;

interface ReceiverBase<M extends Incoming> {
  readonly native: unknown;
  /** As `Link.closed`. A lost link ends its receivers, and a receiver that ends has ended its lanes. */
  readonly closed: Promise<unknown>;
  /**
   * Called once: from here on it grants lanes. A broker without lanes grants exactly one, at once, and the
   * receiver may be that lane itself: `start(owner) { owner.granted([this]); }`.
   */
  start(owner: LaneOwner<M>): void;
  /** Idempotent. What is unsettled is given back as soon as the broker lets us. */
  close(): Promise<void>;
  /** `reply` sources: what to put into `Outgoing.replyTo`. */
  readonly address?: string;
}

/** Ours until the connection ends: RabbitMQ, AMQP 1.0. */
export interface MessageReceiver<Receipt = unknown> extends ReceiverBase<Receipted<Receipt>> {
  readonly style: 'message';
  /**
   * Executes outcomes and resolves with those that did not take effect. Each receipt comes once, unless it
   * `failed`. On a lost receiver everything is `lost`: nothing is sent.
   */
  settle(batch: readonly Settlement<Receipt>[]): Promise<readonly Unsettled[]>;
}

/** Ours until a clock runs out: SQS, JetStream, Redis Streams, Service Bus, Kafka share groups. */
export interface LeaseReceiver<Receipt = unknown> extends ReceiverBase<Receipted<Receipt>> {
  readonly style: 'lease';
  /** What was granted. */
  readonly leaseMs: number;
  settle(batch: readonly Settlement<Receipt>[]): Promise<readonly Unsettled[]>;
  /** Each lease now ends `leaseMs` from now. Reports like `settle`. */
  extend(receipts: readonly Receipt[]): Promise<readonly Unsettled[]>;
}

/** One position per lane: Kafka, stream queues, ordered consumers. Nothing can be settled on its own. */
export interface PositionReceiver extends ReceiverBase<Positioned> {
  readonly style: 'position';
  /**
   * Everything up to and including `through` is done. One mark per lane, one call out. `lost`: the lane is no
   * longer ours, nothing was written. Absent without a group: nobody keeps the position but the caller.
   */
  commit?(marks: readonly Watermark[]): Promise<readonly Unsettled[]>;
  /** `atomic: 'position-and-send'`: outputs and marks become visible together, or never. One call out at a time. */
  transact?(outputs: readonly Addressed[], marks: readonly Watermark[]): Promise<Transacted>;
}

/**
 * One grant of one unit of flow, order and ownership: a partition, a queue on a channel. Granted again is a new
 * object, so the object is the generation. Messages keep their order inside a lane.
 */
export interface Lane<M extends Incoming = Incoming> {
  /** The same over grants: `orders/3`. `''` where the source is one lane. */
  readonly id: string;
  /**
   * Waits for one message, then returns what is there, at most `limit`; nothing once the lane has ended. One call
   * at a time. **Not pulling is the pause**, for this lane alone. Fewer than `limit` leaves the rest owed: core pulls
   * again at once, so a request for the rest may be left standing; after exactly `limit` core may pause. Aborting
   * ends the wait: it resolves soon with what it has and drops nothing the broker handed over. No lease runs in a
   * hidden buffer: style `lease` asks its broker for no more than `limit`.
   * Rejecting: the receiver has failed, core opens another, visibly. A lane that yields nothing for ever without an
   * error is the worst bug a driver can have.
   */
  pull(limit: number, signal: AbortSignal): Promise<readonly M[]>;
  /** Position style: the next message is the first at `to`. Core calls it only while nothing of the lane is open. */
  seek?(to: Start | { readonly after: string }): Promise<void>;
}

/** Core's side of a receiver: the driver reports, core decides. */
export interface LaneOwner<M extends Incoming = Incoming> {
  granted(lanes: readonly Lane<M>[]): void;
  /**
   * About to leave, and waited for: core stops pulling, lets handlers end, settles or commits, then resolves, after
   * at most `withinMs`. Brokers that take lanes without asking never call it.
   */
  revoking(lanes: readonly Lane<M>[], withinMs: number): Promise<void>;
  /** They have left: what is still open in them is lost. Not needed when the receiver itself ends. */
  ended(lanes: readonly Lane<M>[]): void;
}

export type Settlement<Receipt = unknown> =
  | { readonly receipt: Receipt; readonly outcome: 'accept' }
  /** `failed`: a handler ran and failed. A message nobody looked at is no attempt. */
  | { readonly receipt: Receipt; readonly outcome: 'release'; readonly delayMs: number; readonly failed: boolean }
  | { readonly receipt: Receipt; readonly outcome: 'reject'; readonly reason: string };

/** What did not take effect; `index` points into the batch. */
export type Unsettled =
  /** Too late: it will be, or was, delivered again. */
  | { readonly index: number; readonly outcome: 'lost' }
  /** Not done, or perhaps not, and the same call may still work. */
  | { readonly index: number; readonly outcome: 'failed'; readonly error: unknown };

export interface Watermark {
  readonly lane: Lane<Positioned>;
  readonly through: string;
}
export interface Addressed {
  readonly target: Target;
  readonly message: Outgoing;
}
export type Transacted =
  | { readonly outcome: 'committed' }
  /** Certainly nothing of it: the same call may be made again. */
  | { readonly outcome: 'aborted'; readonly error: unknown }
  /** Fenced, or nobody can know: core ends the receiver; the next grant begins at the position that holds. */
  | { readonly outcome: 'lost' | 'unknown'; readonly error: unknown };
