import type { Codec } from '../codec/codec.ts';
import type { RetryPolicy } from '../emulate/retry.ts';
import { isPlain } from '../check.ts';
import { invalid } from '../error/error.ts';
import { checkDestination } from './check.ts';
import type { Needs, QueueNeeds, StreamNeeds, TopicNeeds } from './needs.ts';
import type { InputOf, OutputOf, Schema } from './schema.ts';

export type Kind = 'queue' | 'topic' | 'stream';

/** What every destination may say, whatever its kind. */
export interface DestinationOptions<In> {
  /** The unit of order: messages with the same key keep their order. Called once per send. */
  key?(this: void, value: In): string;
  /** How a failed handler is tried again. @default five attempts, 1 s doubling to 1 h */
  readonly retry?: Partial<RetryPolicy>;
  /**
   * Where a message goes that failed for good: `true` is `<name>.dead`, a string names the queue, `false` gives it
   * up (a stream keeps it anyway). @default true, but for streams and at-most-once
   */
  readonly deadLetter?: boolean | string;
  /** How values become bytes. @default JSON */
  readonly codec?: Codec;
  /** Settings for one broker, by driver name: `{ rabbitmq: { queueType: 'classic' } }`. Other drivers ignore them. */
  readonly native?: Readonly<Record<string, unknown>>;
}
export interface StreamOptions<In> extends DestinationOptions<In> {
  /** How long records are kept at least, in milliseconds. @default the broker's rule */
  readonly retentionMs?: number;
  /** Partitions of a stream that has to be made. @default the broker's rule */
  readonly partitions?: number;
}

/** What a system says about one of its message places. Frozen data; nothing is connected. */
export interface Destination<K extends Kind = Kind, In = unknown, Out = unknown, N = Needs> {
  readonly kind: K;
  /** As given; escaping for a broker is the driver's. */
  readonly name: string;
  readonly needs: N;
  readonly schema: Schema<In, Out> | undefined;
  readonly options: StreamOptions<In>;
}
/** Work to be done once, by one of many consumers. */
export interface Queue<In = unknown, Out = In, N = {}> extends Destination<'queue', In, Out, N> {}
/** News for everybody who subscribed. */
export interface Topic<In = unknown, Out = In, N = {}> extends Destination<'topic', In, Out, N> {}
/** A record of events that can be read again. */
export interface Stream<In = unknown, Out = In, N = {}> extends Destination<'stream', In, Out, N> {}

interface Declared<S, N> {
  /** Any Standard Schema, or `type<T>()` to only give the type. */
  readonly schema: S;
  readonly needs?: N;
}
/** Declares a queue. Without options it carries any JSON value; give `schema` to add options. */
export function queue<T = unknown>(name: string): Queue<T>;
export function queue<S extends Schema, const N extends QueueNeeds = {}>(
  name: string,
  options: Declared<S, N> & Ordered<N, DestinationOptions<InputOf<S>>>,
): Queue<InputOf<S>, OutputOf<S>, N>;
export function queue(name: string, options?: object): Queue {
  return define('queue', name, options);
}

/** Declares a topic. Each subscription gets a copy of every message. */
export function topic<T = unknown>(name: string): Topic<T>;
export function topic<S extends Schema, const N extends TopicNeeds = {}>(
  name: string,
  options: Declared<S, N> & Ordered<N, DestinationOptions<InputOf<S>>>,
): Topic<InputOf<S>, OutputOf<S>, N>;
export function topic(name: string, options?: object): Topic {
  return define('topic', name, options);
}

/** Declares a stream. Records stay, and can be read from any position again. */
export function stream<T = unknown>(name: string): Stream<T>;
export function stream<S extends Schema, const N extends StreamNeeds = {}>(
  name: string,
  options: Declared<S, N> & Ordered<N, StreamOptions<InputOf<S>>>,
): Stream<InputOf<S>, OutputOf<S>, N>;
export function stream(name: string, options?: object): Stream {
  return define('stream', name, options);
}

/** `order: 'key'` is nothing without a key: then `key` is no longer optional. */
type Ordered<N, O extends { readonly key?: unknown }> = N extends { readonly order: 'key' }
  ? O & Required<Pick<O, 'key'>>
  : O;

interface Given extends StreamOptions<unknown> {
  readonly schema?: Schema;
  readonly needs?: Needs;
}
function define<K extends Kind>(kind: K, name: string, given: object = {}): Destination<K, unknown, unknown, {}> {
  if (!isPlain(given)) throw invalid(`${kind} ${JSON.stringify(name)}: the options must be an object`);
  const { schema, needs = {}, ...options } = given as Given;
  if (!isPlain(needs)) throw invalid(`${kind} ${JSON.stringify(name)}: needs must be an object like { order: "key" }`);
  const destination = { kind, name, needs: Object.freeze({ ...needs }), schema, options: Object.freeze(options) };
  checkDestination(destination);
  return Object.freeze(destination);
}
