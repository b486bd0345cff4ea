/** A message on its way out: encoded, validated, within the limits. */
export interface Outgoing {
  /** The message's identity: it survives copies, so a dead letter has the id of what died. */
  readonly id: string;
  /**
   * The send's identity: the same on every resend, another for every copy. Brokers dedup by this; by `id` they
   * would silently drop retried and redriven copies.
   */
  readonly sendId: string;
  /** `null` only where `tombstone` is declared, and in copies of what came in as `null`. */
  readonly body: Uint8Array | null;
  readonly contentType: string;
  /** Epoch milliseconds, the producer's clock. */
  readonly sentAt: number;
  /** The user's headers, and core's own under `waybill-`. ASCII names, no empty values. */
  readonly headers: Readonly<Record<string, string>>;
  /** The unit of order: partition key, message group, hash key. Bytes that are no text: see `bytesToText`. */
  readonly key?: string | undefined;
  /** Topics only: what patterns match. */
  readonly routingKey?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly correlationId?: string | undefined;
  /** The next three are only set where the capability is `native`. */
  readonly delayMs?: number | undefined;
  readonly ttlMs?: number | undefined;
  /** 0 (lowest) to 9. */
  readonly priority?: number | undefined;
  /** Copies: `Incoming.native` of the original, for what strings cannot carry (typed or repeated headers). */
  readonly copyOf?: unknown;
  /** What the user passed under this driver's name. */
  readonly native?: unknown;
}

/** What became of a `send`: nothing to say about what was stored, so `allSent` is one frozen object. */
export interface Sent {
  readonly unsent: readonly Unsent[];
  /** Streams: where a stored message stands. Made only when somebody asks. */
  position?(index: number): string | undefined;
}
/** `index` points into the batch. `rejected`: certainly not stored. `unknown`: nobody can know. */
export interface Unsent {
  readonly index: number;
  readonly outcome: 'rejected' | 'unknown';
  readonly error: unknown;
}

/**
 * A message as it came in. What the broker or a foreign producer did not give is absent, never guessed. Every field
 * may be a getter that decodes when asked: core spreads no message and reads `headers` only when something needs them.
 */
export interface Incoming {
  /** `null`: a tombstone. */
  readonly body: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly id?: string | undefined;
  readonly contentType?: string | undefined;
  readonly sentAt?: number | undefined;
  /** The broker's own unit of order where it has one, whoever sent it: message group, record key. */
  readonly key?: string | undefined;
  readonly routingKey?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly correlationId?: string | undefined;
  /** 1 for the first delivery. Only if the broker counts. */
  readonly attempt?: number | undefined;
  readonly redelivered?: boolean | undefined;
  /** 0 to 9, as it was sent; copies keep it. */
  readonly priority?: number | undefined;
  readonly native: unknown;
}
export interface Receipted<Receipt = unknown> extends Incoming {
  /** What `settle` and `extend` need. Core never looks inside. */
  readonly receipt: Receipt;
}
export interface Positioned extends Incoming {
  /** Where it stands in its lane. Made and read by the driver; core never compares two. */
  readonly position: string;
}
