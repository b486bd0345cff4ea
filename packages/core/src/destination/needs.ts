/** `true`: it must work, by the broker or by Waybill. `'native'`: by the broker, or refuse to start. */
export type Wanted = true | 'native';

/** What a queue must be able to do. Checked against the broker before the first message. */
export interface QueueNeeds {
  /** @default 'at-least-once' */
  readonly delivery?: 'at-most-once' | 'at-least-once' | 'exactly-once';
  /**
   * `key`: messages of one key are handled one after another, in send order. `total`: all messages are.
   * @default 'none'
   */
  readonly order?: 'none' | 'key' | 'total';
  /** Messages may be sent with `delayMs`. */
  readonly delay?: Wanted;
  /** Messages may be sent with `ttlMs`, and are not handled after it. */
  readonly ttl?: Wanted;
  /** Messages may be sent with `priority`. */
  readonly priority?: Wanted;
  /** A message sent twice with one id is stored once, within the broker's window. */
  readonly dedup?: Wanted;
  /** Messages that fail for good are kept, with the cause. */
  readonly deadLetter?: Wanted;
}
export interface TopicNeeds extends QueueNeeds {
  /** Subscriptions may choose by routing key: `orders.*`, `orders.#`. */
  readonly pattern?: Wanted;
  /** Subscriptions may choose by headers. */
  readonly filter?: Wanted;
}
export interface StreamNeeds extends Pick<QueueNeeds, 'delivery' | 'order' | 'dedup'> {
  /** Where reading can begin; each word includes those before it. */
  readonly seek?: 'ends' | 'position' | 'timestamp';
  /** Consumer groups: the broker keeps their positions. */
  readonly group?: Wanted;
}

/** Every axis a destination of any kind can ask for, as the plan sees them. */
export type Needs = QueueNeeds & TopicNeeds & StreamNeeds;
