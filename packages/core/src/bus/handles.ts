import type { Destination } from '../destination/destination.ts';
import type { From, Start } from '../driver/place.ts';
import type { Depth } from '../driver/topology.ts';
import type { Middleware } from '../middleware/middleware.ts';
import type { Asked } from '../plan/check.ts';
import type { Delivery, StreamRecord } from '../receive/delivery.ts';

/** What `send`, `publish` and `append` take. What was not asked for in `needs` does not compile. */
export interface SendOptions<N = {}> {
  /** The message's identity, and its dedup id where the broker has a window. @default a random UUID */
  readonly id?: string;
  /** ASCII names, string values that are not empty; names under `waybill-` are Waybill's own. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The unit of order, instead of what the destination's `key` makes of the value. */
  readonly key?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  /** Aborting takes back what still waits (`aborted`); of a message on its way it ends the wait (`unknown-outcome`). */
  readonly signal?: AbortSignal;
  /** Milliseconds until it may be handled. */
  readonly delayMs?: Asked<N, 'delay', number>;
  /** Milliseconds after which it is not handled any more, but dead-lettered as `expired`. */
  readonly ttlMs?: Asked<N, 'ttl', number>;
  /** 0 (lowest) to 9. @default 0 */
  readonly priority?: Asked<N, 'priority', number>;
}
export interface PublishOptions<N = {}> extends SendOptions<N> {
  /** What subscriptions' patterns match: words split by `.`. @default '' */
  readonly routingKey?: string;
}
/** One `id` for many messages would make them one. */
export type ManyOptions<N = {}> = Omit<SendOptions<N>, 'id'>;

/** What every consumer takes. */
export interface ConsumeOptions {
  /** Handlers at once. @default 16 */
  readonly concurrency?: number;
  /** Deliveries held at once, waiting ones included. @default twice the concurrency */
  readonly maxInFlight?: number;
  /** Aborts `delivery.signal` and counts the attempt as failed after so many milliseconds. @default none */
  readonly handlerTimeoutMs?: number;
  /** Brokers with leases: how long a delivery is ours; extended while it is open. Milliseconds. @default 30 000 */
  readonly leaseMs?: number;
  /** `close` waits this long for running handlers; what is left is delivered again. Milliseconds. @default 30 000 */
  readonly drainMs?: number;
  /** Streams: most records handled beyond the last committed position, per partition. @default 1000 */
  readonly window?: number;
  /** Around each handler run, outermost first, inside the bus's own. */
  readonly middleware?: readonly Middleware[];
  /** Aborting closes the consumer. */
  readonly signal?: AbortSignal;
}
export interface SubscribeOptions<N = {}> extends ConsumeOptions {
  /** A durable subscription, shared by all who name it. Without: an ephemeral one of its own, from now on. */
  readonly subscription?: string;
  /** `orders.*` (one word) or `orders.#` (any number). */
  readonly pattern?: Asked<N, 'pattern', string>;
  /** All must be equal. */
  readonly headers?: Asked<N, 'filter', Readonly<Record<string, string>>>;
}
export interface StreamConsumeOptions extends ConsumeOptions {
  /** The consumer group: the broker keeps its position. */
  readonly group: string;
  /** Where a new group begins. @default 'earliest' */
  readonly from?: From;
}
export interface ReadOptions {
  /** @default 'earliest' */
  readonly from?: From;
  /** Ends after so many records. @default without end */
  readonly limit?: number;
  /** Ends before the first record sent at or after this time. Epoch milliseconds. */
  readonly until?: { readonly timestamp: number };
  /** Ends when nothing came for so many milliseconds. @default never */
  readonly idleMs?: number;
  /** Records fetched ahead. @default 256 */
  readonly prefetch?: number;
  readonly signal?: AbortSignal;
}
export interface BatchOptions {
  /** Most deliveries of one call. @default 100 */
  readonly maxMessages?: number;
  /** A smaller batch is handed over after so many milliseconds. @default 50 */
  readonly maxWaitMs?: number;
}

/** Returning accepts, throwing lets the retry policy decide; `Reject` and `RetryLater` say it outright. */
export type Handler<Out> = (value: Out, delivery: Delivery<Out>) => unknown;
/** Returning accepts all that is still open, throwing fails all that is still open: settle those that succeeded before. */
export type BatchHandler<Out> = (values: readonly Out[], deliveries: readonly Delivery<Out>[]) => unknown;

/** A running consumer. It lives through reconnections until it is closed. */
export interface Consumer extends AsyncDisposable {
  /** `live`: it has a receiver now. `waiting`: it is opening one, and keeps trying. */
  readonly state: 'live' | 'waiting' | 'paused' | 'closed';
  /** Deliveries held now. */
  readonly inFlight: number;
  /** Resolves when no handler runs and none starts until `resume`. */
  pause(): Promise<void>;
  resume(): void;
  /** Stops taking messages, lets running handlers end, settles, and gives the rest back. Idempotent. */
  close(): Promise<void>;
}
export interface StreamConsumer extends Consumer {
  /** Lets running handlers end, then goes on from there, in every partition this consumer holds. */
  seek(to: Start | { readonly after: Readonly<Record<string, string>> }): Promise<void>;
}
/** Deliveries to settle by hand. Ending the loop gives back what is unsettled. */
export interface Deliveries<Out> extends AsyncIterable<Delivery<Out>>, AsyncDisposable {
  close(): Promise<void>;
}
/** Records in order. Ending the loop ends the reader. */
export interface Reader<Out> extends AsyncIterable<StreamRecord<Out>>, AsyncDisposable {
  /** The last record seen of each partition: pass as `from: { after, otherwise }` to go on in another process. */
  readonly positions: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

interface Common {
  readonly destination: Destination;
  /** Messages now, as far as the broker can tell. With a subscription or group: its backlog or lag. */
  depth(of?: { readonly subscription?: string; readonly group?: string }): Promise<Depth>;
}
export interface QueueHandle<In = unknown, Out = In, N = {}> extends Common {
  /** Resolves when the broker has it. Rejects `unknown-outcome` if nobody can know, with another code if it is certainly not stored. */
  send(value: In, options?: SendOptions<N>): Promise<void>;
  /** Resolves when the broker has all; rejects with `failures`, by index, when each has its outcome. */
  sendMany(values: readonly In[], options?: ManyOptions<N>): Promise<void>;
  consume(handler: Handler<Out>, options?: ConsumeOptions): Promise<Consumer>;
  consumeBatch(handler: BatchHandler<Out>, options?: ConsumeOptions & BatchOptions): Promise<Consumer>;
  receive(options?: ConsumeOptions): Promise<Deliveries<Out>>;
  /** Sends dead letters back: at most `limit`, until none is left or none came for `idleMs`. Returns how many. */
  redrive(options?: { readonly limit?: number; readonly idleMs?: number }): Promise<number>;
  /** Removes what is ready; refused where the broker cannot. */
  purge(): Promise<void>;
}
export interface TopicHandle<In = unknown, Out = In, N = {}> extends Common {
  /** Resolves when every durable subscription has it, also when there is none. */
  publish(value: In, options?: PublishOptions<N>): Promise<void>;
  publishMany(values: readonly In[], options?: Omit<PublishOptions<N>, 'id'>): Promise<void>;
  /** Once it resolves, everything published from then on is delivered. */
  subscribe(handler: Handler<Out>, options?: SubscribeOptions<N>): Promise<Consumer>;
  subscribeBatch(handler: BatchHandler<Out>, options?: SubscribeOptions<N> & BatchOptions): Promise<Consumer>;
  receive(options?: SubscribeOptions<N>): Promise<Deliveries<Out>>;
}
export interface StreamHandle<In = unknown, Out = In, N = {}> extends Common {
  /** Resolves with the record's position where the broker tells it. */
  append(value: In, options?: SendOptions<N>): Promise<string | undefined>;
  appendMany(values: readonly In[], options?: ManyOptions<N>): Promise<void>;
  /** Reads without a group: nobody keeps the position but the reader. */
  read(options?: ReadOptions): Reader<Out>;
  consume(handler: Handler<Out>, options: StreamConsumeOptions): Promise<StreamConsumer>;
  consumeBatch(handler: BatchHandler<Out>, options: StreamConsumeOptions & BatchOptions): Promise<StreamConsumer>;
}

/** What a delivery sends to. */
export type Outlets<In, N> =
  | Pick<QueueHandle<In, unknown, N>, 'send' | 'destination'>
  | Pick<TopicHandle<In, unknown, N>, 'publish' | 'destination'>
  | Pick<StreamHandle<In, unknown, N>, 'append' | 'destination'>;

export type Handle<D> =
  D extends Destination<'queue', infer In, infer Out, infer N>
    ? QueueHandle<In, Out, N>
    : D extends Destination<'topic', infer In, infer Out, infer N>
      ? TopicHandle<In, Out, N>
      : D extends Destination<'stream', infer In, infer Out, infer N>
        ? StreamHandle<In, Out, N>
        : never;

/** Handles as core makes them: what the types kept away is checked at run time too. */
export type EveryNeed = {
  readonly delay: true;
  readonly ttl: true;
  readonly priority: true;
  readonly pattern: true;
  readonly filter: true;
};
