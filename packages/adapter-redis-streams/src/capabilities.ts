import type { Capabilities, ChannelCapabilities } from '@waybill/core/driver';

const mebibyte = 1 << 20;
/** A sorted set keeps any time; what is above a year is a mistake to core. */
const mostDelayMs = 365 * 24 * 3_600_000;

const queue = {
  style: 'lease',
  delivery: 'at-least-once',
  order: 'total',
  partial: 'prefix',
  release: 'delayed',
  attempts: 'failures',
  deadLetter: 'cause',
  delay: 'native',
  ttl: 'none',
  priority: 'none',
  dedup: 'window',
  // What waits for its time has left its place.
  excludes: [['order', 'delay']],
  limits: { maxBytes: 16 * mebibyte, maxBatch: 512, maxDelayMs: mostDelayMs, maxReleaseDelayMs: mostDelayMs },
} as const satisfies ChannelCapabilities;

function frozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) frozen(part);
  return Object.freeze(value);
}

/** What Redis 7 or newer can do. `capabilitiesOf` lowers it to the options. */
export const capabilities = frozen({
  queue,
  topic: { ...queue, deadLetter: 'none', durable: 'subscription', pattern: 'none', filter: 'none' },
  stream: {
    ...queue,
    style: 'position',
    excludes: [],
    release: 'none',
    attempts: 'none',
    deadLetter: 'none',
    delay: 'none',
    seek: 'timestamp',
    group: 'native',
    tombstone: 'none',
  },
  reply: 'none',
  atomic: 'none',
  admin: 'manage',
} as const satisfies Capabilities);

/** What depends on how the server is run, and on our options. */
export interface Circumstances {
  readonly maxMessageBytes: number;
  /** Without a window nothing is remembered about sends. */
  readonly dedupWindowMs: number;
  /** The dead letters of a queue may live on another node, where no script reaches both. */
  readonly isCluster: boolean;
}

export function capabilitiesOf({ maxMessageBytes, dedupWindowMs, isCluster }: Circumstances): Capabilities {
  const limits = { ...queue.limits, maxBytes: maxMessageBytes };
  const lowered = { limits, ...(dedupWindowMs === 0 && { dedup: 'none' as const }) };
  return frozen({
    ...capabilities,
    queue: { ...capabilities.queue, ...lowered, ...(isCluster && { deadLetter: 'none' as const }) },
    topic: { ...capabilities.topic, ...lowered },
    stream: { ...capabilities.stream, ...lowered },
  });
}
