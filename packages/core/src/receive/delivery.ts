import type { Outlets, PublishOptions } from '../bus/handles.ts';

/** What became of a settlement: `lost` means it came too late, touched nothing, and the message is delivered again. */
export type Settled = 'settled' | 'lost';

/** Why and where a message died; on deliveries of a dead-letter queue. */
export interface DeadLetterCause {
  readonly reason: string;
  readonly error: string;
  /** The destination, or subscription, it died in. */
  readonly from: string;
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** A message as it was received. What the broker or a foreign producer did not give is absent, never guessed. */
export interface Received<T = unknown> {
  readonly value: T;
  readonly id: string | undefined;
  readonly key: string | undefined;
  readonly routingKey: string | undefined;
  /** The producer's headers, without Waybill's own. Frozen. */
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string | undefined;
  /** Epoch milliseconds, the producer's clock. */
  readonly sentAt: number | undefined;
  readonly correlationId: string | undefined;
  readonly replyTo: string | undefined;
  /** The partition, or `''` where the source has one lane. */
  readonly lane: string;
  /** The client library's own message. */
  readonly native: unknown;
}

/** One message on loan. It has exactly one fate: settled by us, or lost and delivered again. */
export interface Delivery<T = unknown> extends Received<T>, AsyncDisposable {
  /** The queue, or `topic/subscription`, it was received from. */
  readonly source: string;
  /** Which run this is, 1 first, over retries and copies. */
  readonly attempt: number;
  readonly redelivered: boolean;
  readonly isOpen: boolean;
  readonly deadLetter: DeadLetterCause | undefined;
  /** Aborts when the delivery is lost, times out or must stop: what the handler does no longer counts. */
  readonly signal: AbortSignal;
  /**
   * Done. A second call does nothing; after another outcome it throws `already-settled`. Rejects with what `send` could
   * not store: the delivery is still open then.
   */
  accept(): Promise<Settled>;
  /** Back to the broker: at once and as no attempt, or after `delayMs` as a failed one. */
  release(options?: { readonly delayMs?: number }): Promise<Settled>;
  /**
   * Sends on what the handler makes of it; to any handle of the bus. The delivery is accepted only when all of it is
   * stored, and one that could not be stored is a failed run. `exactly-once`: held back until the delivery is accepted,
   * and then stored together with its position, or not at all; `to` has to be on the same broker.
   */
  send<In, N>(to: Outlets<In, N>, value: In, options?: PublishOptions<N>): Promise<void>;
  /** Failed for good: to the dead letters with the reason. */
  reject(reason: string | Error): Promise<Settled>;
  /** Renews the lease now. Waybill does so by itself while the delivery is open. */
  extend(): Promise<Settled>;
}

/** One record of a stream. There is nothing to settle. */
export interface StreamRecord<T = unknown> extends Received<T> {
  /** Where it stands in its lane; opaque, and valid in another process. */
  readonly position: string;
}
