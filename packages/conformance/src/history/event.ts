/**
 * What can stand in a history: one closed union. On disk an event is one line of JSON without `process`, and its
 * `at` is the writing process's own clock; the reader adds the process and moves `at` to the parent's clock.
 */
export type HistoryEvent = Header | (Recordable & Stamp);

/** Every type of event with the fields that it must have, for the reader and for recorders in plain JavaScript. */
export const EVENT_FIELDS = {
  header: ['run', 'process', 'offsetMs', 'uncertaintyMs'],
  'publish.invoke': ['message', 'destination'],
  'publish.ok': ['message'],
  'publish.fail': ['message'],
  'publish.unknown': ['message'],
  deliver: ['delivery', 'message', 'subscription'],
  handled: ['delivery', 'outcome'],
  'settle.invoke': ['delivery', 'settlement'],
  'settle.ok': ['delivery', 'settlement'],
  'settle.lost': ['delivery', 'settlement'],
  'settle.failed': ['delivery', 'settlement'],
  commit: ['subscription', 'lane', 'through', 'outcome'],
  'subscribe.ready': ['subscription', 'destination'],
  'subscribe.end': ['subscription'],
  assign: ['subscription', 'lane'],
  revoke: ['subscription', 'lane'],
  'connection.up': [],
  'connection.down': [],
  'connection.blocked': [],
  'fault.begin': ['fault', 'kind', 'scope'],
  'fault.confirmed': ['fault', 'evidence'],
  'fault.healed': ['fault'],
  'dead-letter.read': ['message', 'subscription'],
  'drain.begin': [],
  'drain.end': ['depth'],
  'process.exit': ['exited'],
} as const satisfies Record<HistoryEvent['type'], readonly string[]>;

/** What a recorder hands to the writer, which adds the stamp. */
export type Recordable =
  | PublishInvoke
  | PublishOk
  | PublishFail
  | PublishUnknown
  | Deliver
  | Handled
  | SettleInvoke
  | SettleOutcome
  | Commit
  | SubscribeReady
  | SubscribeEnd
  | LaneMove
  | ConnectionChange
  | FaultBegin
  | FaultConfirmed
  | FaultHealed
  | DeadLetterRead
  | DrainBegin
  | DrainEnd
  | ProcessExit;

export interface Stamp {
  /** Unique in the run: a restarted process takes a new name. */
  readonly process: string;
  /** Milliseconds on the parent's monotonic clock. Inside one process never decreasing. */
  readonly at: number;
}

/** First line of every file. */
export interface Header extends Stamp {
  readonly type: 'header';
  readonly version: 1;
  readonly run: string;
  /** Added to the process's own clock to get the parent's. */
  readonly offsetMs: number;
  /** How far `offsetMs` may be off, either way. */
  readonly uncertaintyMs: number;
  /** Driver, broker, seed, profile: for the reader of a report. The checker does not look inside. */
  readonly about?: Readonly<Record<string, string | number | boolean>>;
}

/** Written before the first byte may leave. One more invoke of the same message says: sent again on purpose. */
export interface PublishInvoke {
  readonly type: 'publish.invoke';
  /** Unique in the run, and readable from the body. */
  readonly message: string;
  readonly destination: string;
  readonly key?: string | undefined;
  /** Who promises the order. @default the process */
  readonly producer?: string | undefined;
  /** Checksum of the body, see `checksum`. */
  readonly body?: string | undefined;
  /** Checksum of the headers, see `checksumOfHeaders`. */
  readonly headers?: string | undefined;
  /** Time to live in milliseconds: not delivered within it is a declared fate. */
  readonly expiresAfterMs?: number | undefined;
  /** The subscriptions that must get it: for patterns and filters. @default every subscription of the destination */
  readonly expect?: readonly string[] | undefined;
}

/** The broker confirmed it at the declared tier. */
export interface PublishOk {
  readonly type: 'publish.ok';
  readonly message: string;
  /** How often the library sent it to get this confirm. More than 1 allows for as many copies. @default 1 */
  readonly sends?: number | undefined;
}

/** **Certainly** not stored: refused before any byte left, or by the broker. */
export interface PublishFail {
  readonly type: 'publish.fail';
  readonly message: string;
  readonly code?: string | undefined;
}

/** Everything else: a timeout, a lost connection. May appear or not. */
export interface PublishUnknown {
  readonly type: 'publish.unknown';
  readonly message: string;
  readonly code?: string | undefined;
  readonly sends?: number | undefined;
}

/** A handler starts (or an iterator yields). A second start is a second `deliver` with a new delivery id. */
export interface Deliver {
  readonly type: 'deliver';
  /** Unique in the process. */
  readonly delivery: number | string;
  /** As decoded from the body. */
  readonly message: string;
  /** As decoded from the headers; differs from `message` only where a message was mixed up. */
  readonly headerMessage?: string | undefined;
  /** The group or durable name; of a plain queue, the queue. Two readers that both get everything are two subscriptions. */
  readonly subscription: string;
  readonly destination?: string | undefined;
  /** Tells consumers of one process apart. Absent: the process is the consumer. */
  readonly consumer?: string | undefined;
  readonly key?: string | undefined;
  readonly body?: string | undefined;
  readonly headers?: string | undefined;
  /** As reported: 1 for the first. */
  readonly attempt?: number | undefined;
  readonly redelivered?: boolean | undefined;
  readonly lane?: string | undefined;
  readonly position?: string | undefined;
  /** The lease that runs from now, in milliseconds. */
  readonly leaseMs?: number | undefined;
}

/** The handler ended. */
export interface Handled {
  readonly type: 'handled';
  readonly delivery: number | string;
  readonly outcome: 'ok' | 'error';
  readonly error?: string | undefined;
}

export type SettlementKind = 'accept' | 'release' | 'reject' | 'extend';

/** Written before the settlement may leave. */
export interface SettleInvoke {
  readonly type: 'settle.invoke';
  readonly delivery: number | string;
  readonly settlement: SettlementKind;
}

/** `ok`: took effect as far as the library knows. `lost`: too late, it comes again. `failed`: not done, or perhaps not. */
export interface SettleOutcome {
  readonly type: 'settle.ok' | 'settle.lost' | 'settle.failed';
  readonly delivery: number | string;
  readonly settlement: SettlementKind;
  /** After `extend`: the lease that runs from now, in milliseconds. */
  readonly leaseMs?: number | undefined;
}

/** Position style: everything this consumer was handed in the lane, up to and including `through`, is done. */
export interface Commit {
  readonly type: 'commit';
  readonly subscription: string;
  readonly lane: string;
  readonly through: string;
  readonly outcome: 'ok' | 'lost' | 'failed';
  readonly consumer?: string | undefined;
}

export interface SubscribeReady {
  readonly type: 'subscribe.ready';
  readonly subscription: string;
  readonly destination: string;
  readonly consumer?: string | undefined;
  /** `now`: only what is published from here on is owed. `all`: also what was published before. @default 'all' */
  readonly starts?: 'all' | 'now' | undefined;
}

/** Closed on purpose: what it held goes back. */
export interface SubscribeEnd {
  readonly type: 'subscribe.end';
  readonly subscription: string;
  readonly consumer?: string | undefined;
}

export interface LaneMove {
  readonly type: 'assign' | 'revoke';
  readonly subscription: string;
  readonly lane: string;
  readonly consumer?: string | undefined;
}

/** As the library reported it. Without `consumer` all consumers of the process share the connection. */
export interface ConnectionChange {
  readonly type: 'connection.up' | 'connection.down' | 'connection.blocked';
  readonly consumer?: string | undefined;
  readonly reason?: string | undefined;
}

/** Written before the fault is injected. */
export interface FaultBegin {
  readonly type: 'fault.begin';
  readonly fault: string;
  /** For people: `kill -9`, `black hole`, `latency 100 ms`. */
  readonly kind: string;
  readonly scope: 'broker' | 'network' | 'process';
  /** The process that is hit; absent: everybody. */
  readonly target?: string | undefined;
  /** `false`: must not cost anybody a delivery (latency, a short pause), so it explains nothing. @default true */
  readonly disconnects?: boolean | undefined;
}

/** The measured proof that the fault happened: pid gone, port refused, bytes dropped. */
export interface FaultConfirmed {
  readonly type: 'fault.confirmed';
  readonly fault: string;
  readonly evidence: string;
}

export interface FaultHealed {
  readonly type: 'fault.healed';
  readonly fault: string;
  readonly evidence?: string | undefined;
}

/** Found in the dead-letter destination of a subscription. */
export interface DeadLetterRead {
  readonly type: 'dead-letter.read';
  readonly message: string;
  readonly subscription: string;
  readonly reason?: 'attempts' | 'rejected' | 'expired' | 'undecodable' | undefined;
  /** As the dead letter reports them. */
  readonly attempts?: number | undefined;
  readonly body?: string | undefined;
}

export interface DrainBegin {
  readonly type: 'drain.begin';
  readonly subscription?: string | undefined;
}

/** After a quiet period, so that late duplicates are in the history. */
export interface DrainEnd {
  readonly type: 'drain.end';
  /** @default all of them */
  readonly subscription?: string | undefined;
  /** Messages still stored, ready and in flight and delayed. `null`: the broker cannot tell. */
  readonly depth: number | null;
}

/** Written by the process itself at its end, or by its parent about it. */
export interface ProcessExit {
  readonly type: 'process.exit';
  readonly exited: string;
  readonly signal?: string | undefined;
  readonly code?: number | undefined;
}
