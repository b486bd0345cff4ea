import type { Capabilities, ChannelCapabilities } from '@waybill/core/driver';

/** Room in a batch for its head, and for what the adapter writes beside body and headers of a message. */
const overheadBytes = 4096;
const defaultBatchMaxBytes = 1_048_588;

const log = {
  style: 'position',
  delivery: 'at-least-once',
  // Of a partition, and a key has one. Whoever wants all of it in order makes a topic of one partition.
  order: 'key',
  partial: 'prefix',
  release: 'none',
  attempts: 'none',
  deadLetter: 'none',
  delay: 'none',
  ttl: 'none',
  priority: 'none',
  dedup: 'none',
  excludes: [],
  limits: { maxBytes: defaultBatchMaxBytes - overheadBytes, maxBatch: 1000, maxDelayMs: 0, maxReleaseDelayMs: 0 },
} as const satisfies ChannelCapabilities;

function frozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) frozen(part);
  return Object.freeze(value);
}

/** What Kafka can do. Queues and subscriptions are groups on a log: nothing is settled on its own. */
export const capabilities = frozen({
  queue: log,
  topic: { ...log, durable: 'subscription', pattern: 'none', filter: 'none' },
  stream: { ...log, seek: 'timestamp', group: 'native', tombstone: 'native' },
  reply: 'none',
  atomic: 'position-and-send',
  admin: 'manage',
} as const satisfies Capabilities);

/** Queues through share groups: an ordered one is a group that reads partitions all the same, and has nothing to release. */
const shared = {
  ...log,
  style: 'lease',
  release: 'immediate',
  attempts: 'deliveries',
} as const satisfies ChannelCapabilities;

/** What Kafka 4.2 can do where queues go through share groups. */
export const sharedCapabilities = frozen({ ...capabilities, queue: shared } as const satisfies Capabilities);

/** `message.max.bytes` limits a batch, so also a message. */
export const maxBytesOf = (batchMaxBytes: number): number => Math.max(1, batchMaxBytes - overheadBytes);

/** What differs by configuration. */
export function capabilitiesOf(batchMaxBytes: number, hasTransactions: boolean, isShared: boolean): Capabilities {
  const limits = { ...log.limits, maxBytes: maxBytesOf(batchMaxBytes) };
  const { queue, topic, stream } = isShared ? sharedCapabilities : capabilities;
  return frozen({
    ...capabilities,
    atomic: hasTransactions ? 'position-and-send' : 'none',
    queue: { ...queue, limits },
    topic: { ...topic, limits },
    stream: { ...stream, limits },
  });
}
