import { missing } from './errors.ts';
import type { Journal } from './journal.ts';
import type { Queue, SettledMessage } from './queue.ts';
import type { Stored } from './records.ts';
import type { Store } from './store.ts';

/** A message in the broker, as a test sees it. */
export interface KeptMessage {
  readonly id: string;
  /** A copy. `null`: a tombstone. */
  readonly body: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly key: string | undefined;
  readonly routingKey: string | undefined;
  readonly correlationId: string | undefined;
  readonly replyTo: string | undefined;
  /** Epoch milliseconds, the producer's clock. */
  readonly sentAt: number;
  /** Epoch milliseconds, the broker's clock. */
  readonly storedAt: number;
  text(): string;
  json(): unknown;
}

function show(stored: Stored): KeptMessage {
  const { id, contentType, key, routingKey, correlationId, replyTo, sentAt, storedAt } = stored;
  const body = stored.body && Buffer.from(stored.body);
  const text = (): string => body?.toString() ?? '';
  const json = (): unknown => (body === null ? null : JSON.parse(text()));
  return {
    id,
    body,
    headers: { ...stored.headers },
    contentType,
    key,
    routingKey,
    correlationId,
    replyTo,
    sentAt,
    storedAt,
    text,
    json,
  };
}

/** Ready in a queue or subscription, in the order of handing out; or all records of a stream, partition by partition. */
export function messagesIn(store: Store, name: string, subscription?: string): readonly KeptMessage[] {
  const stream = subscription === undefined && !store.queues.has(name) ? store.streams.get(name) : undefined;
  const stored = stream
    ? stream.partitions.flatMap((partition) => partition.records())
    : line(store, name, subscription).messages();
  return stored.map(show);
}

export const sentTo = (store: Store, name: string): readonly KeptMessage[] => journal(store, name).toArray().map(show);
export const settledIn = (store: Store, name: string, subscription?: string): readonly SettledMessage[] =>
  line(store, name, subscription).settled.toArray();

function journal(store: Store, name: string): Journal<Stored> {
  const place =
    store.queues.get(name) ??
    store.topics.get(name) ??
    store.streams.get(name) ??
    missing('queue, topic or stream', name);
  return place.sent;
}

function line(store: Store, name: string, subscription: string | undefined): Queue {
  if (subscription === undefined) return store.queue(name);
  return store.topic(name).subscription(subscription).queue;
}

/** One line for every place where something is. */
export function describe(store: Store): string {
  const lines = [...store.queues.values(), ...[...store.topics.values()].flatMap((topic) => topic.queues())];
  const busy = lines.filter(({ ready, inFlight, delayed }) => ready + inFlight + delayed > 0);
  const counts = busy.map(
    ({ name, ready, inFlight, delayed }) => `${name}: ${ready} ready, ${inFlight} in flight, ${delayed} delayed`,
  );
  return counts.join('; ') || 'all queues and subscriptions are empty';
}
