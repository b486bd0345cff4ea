import type { ErrorCode } from '../error/error.ts';
import type { Capabilities } from './capabilities.ts';
import type { Outgoing, Sent } from './message.ts';
import type { Source, Target } from './place.ts';
import type { ReceiveOptions, Receiver } from './receiver.ts';
import type { Admin, Declaration, Mismatch } from './topology.ts';

/**
 * One broker, not yet connected. A driver translates and executes; core decides. A driver never retries,
 * sleeps, counts attempts, batches across calls, limits concurrency, encodes user values or logs.
 */
export interface Driver<C extends Capabilities = Capabilities, Native = unknown> {
  readonly spec: 1;
  /** As it appears in plans and errors: `sqs`, `rabbitmq`. */
  readonly name: string;
  /** What this driver can do given a server that is new enough. Types are checked against this. */
  readonly capabilities: C;
  /** Opens one link, or rejects. Called once per generation, never concurrently with itself. */
  connect(options: ConnectOptions): Promise<Link<Native>>;
  /** The only error mapping a driver writes. Pure and total: an error it does not know is `internal`. */
  classify(error: unknown): ErrorCode;
}

export interface ConnectOptions {
  readonly signal: AbortSignal;
  /** The broker stopped reading what we publish (a reason), or reads again (`undefined`). */
  readonly onBlocked: (reason: string | undefined) => void;
}

/**
 * One generation of a connection. It never heals: once `closed` resolved core connects another; a client's own
 * reconnection is off. A client that spans several servers may replace one connection inside a link, as long as
 * every call in progress gets its outcome and no delivery changes hands unseen.
 */
export interface Link<Native = unknown> {
  /** The client library's own connection. */
  readonly native: Native;
  /** What *this server* can do: the driver's, lowered to its version and configuration. */
  readonly capabilities: Capabilities;
  /**
   * Resolves once, never rejects: with `undefined` after `close()`, with the cause when it was lost. First say so,
   * then tidy up: a goodbye to a dead server may never be answered.
   */
  readonly closed: Promise<unknown>;
  /**
   * Resolves, when each outcome is known, with those not stored. Core calls again before earlier calls resolved;
   * ordered targets have one call out. When the link is lost, what is not yet answered is `unknown`. Rejecting
   * means "unknown, all of them".
   */
  send(target: Target, batch: readonly Outgoing[]): Promise<Sent>;
  receive(source: Source, options: ReceiveOptions): Promise<Receiver>;
  /** One protocol round trip. */
  ping(signal: AbortSignal): Promise<void>;
  /** Idempotent. Unsettled deliveries go back to the broker, at the latest when their lease ends. */
  close(): Promise<void>;
  /** `create` makes what is missing; `verify` touches nothing. Both report what exists but differs. */
  declare?(declarations: readonly Declaration[], mode: 'create' | 'verify'): Promise<readonly Mismatch[]>;
  readonly admin?: Admin;
}

/** What an adapter package exports as `adapter`, so that `connect` finds its driver by the scheme of a URL. */
export interface Adapter {
  /** Without the colon: `['amqp', 'amqps']`. */
  readonly schemes: readonly string[];
  /** Makes the driver; connects to nothing. Throws `invalid` for a URL that it cannot read. */
  fromUrl(url: string): Driver;
}
