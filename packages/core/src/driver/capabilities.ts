/**
 * What a driver can do, as frozen, JSON-cloneable data: closed unions of words, weakest first, no booleans. `native`
 * means: the broker keeps the time, the count or the copy. What core does instead appears in the plan, never here.
 */
export interface Capabilities {
  readonly queue: ChannelCapabilities | 'none';
  readonly topic: TopicCapabilities | 'none';
  readonly stream: StreamCapabilities | 'none';
  /** `native`: `receive({ kind: 'reply' })` opens a private inbox and `send({ kind: 'reply' })` reaches it. */
  readonly reply: 'none' | 'native';
  /** `position-and-send`: `PositionReceiver.transact` commits outputs and positions together, or neither. */
  readonly atomic: 'none' | 'position-and-send';
  /** `manage` adds purge and remove to what `inspect` reads. */
  readonly admin: 'none' | 'inspect' | 'manage';
}

export interface ChannelCapabilities {
  /** Which receiver `receive` opens. */
  readonly style: 'message' | 'lease' | 'position';
  /** The strongest promise a message can be carried with. `exactly-once` is never declared: core proves it from `atomic`. */
  readonly delivery: 'at-most-once' | 'at-least-once';
  /** `key`: messages of one key are handed out in send order, also across consumers. `total`: all of them are. */
  readonly order: 'none' | 'key' | 'total';
  /** What one `send` stores when it fails in part. `each`: any of them. `prefix`: of one key only a beginning, so order holds. */
  readonly partial: 'each' | 'prefix';
  /**
   * Giving a message back: not at all (always so for `position`), at once, after `first × failures` as declared with
   * the place (`RetrySchedule`), or after any time the broker is asked to keep.
   */
  readonly release: 'none' | 'immediate' | 'linear' | 'delayed';
  /**
   * What the broker knows about earlier deliveries. `deliveries` also counts those nobody ran (a drain, a crash
   * elsewhere), `failures` only runs: the driver takes back what was released with `failed: false`.
   */
  readonly attempts: 'none' | 'flag' | 'deliveries' | 'failures';
  /** Where `reject` puts a message: nowhere, a dead-letter place, or that place with the reason kept. */
  readonly deadLetter: 'none' | 'plain' | 'cause';
  readonly delay: 'none' | 'native';
  readonly ttl: 'none' | 'native';
  readonly priority: 'none' | 'native';
  /** `window`: a second send with the same send id is accepted and dropped, within a bounded time. */
  readonly dedup: 'none' | 'window';
  /** Pairs that exclude each other on one destination, e.g. SQS: `['order', 'delay']`. */
  readonly excludes: readonly (readonly [Axis, Axis])[];
  readonly limits: Limits;
}

export interface TopicCapabilities extends ChannelCapabilities {
  readonly durable: 'none' | 'subscription';
  readonly pattern: 'none' | 'prefix' | 'wildcard';
  readonly filter: 'none' | 'headers';
}

export interface StreamCapabilities extends ChannelCapabilities {
  readonly seek: 'none' | 'ends' | 'position' | 'timestamp';
  /** Who keeps a consumer group's position. Without: `receive` takes no group and there is no `commit`. */
  readonly group: 'none' | 'native';
  /** A `null` body marks its key as deleted. */
  readonly tombstone: 'none' | 'native';
}

export interface Limits {
  /** Body plus headers, as the broker counts them. */
  readonly maxBytes: number;
  /** Most messages of one `send`, `settle` or `extend` call. Core never hands over more. */
  readonly maxBatch: number;
  readonly maxDelayMs: number;
  readonly maxReleaseDelayMs: number;
}

/** The axes a destination can ask for by name. */
export type Axis =
  | 'delivery'
  | 'order'
  | 'delay'
  | 'ttl'
  | 'priority'
  | 'dedup'
  | 'deadLetter'
  | 'pattern'
  | 'filter'
  | 'seek'
  | 'group';
