import { type Capabilities, type ChannelCapabilities, WaybillError } from '@waybill/core/driver';

const mebibyte = 1 << 20;

const queue = {
  style: 'message',
  delivery: 'at-least-once',
  order: 'total',
  partial: 'each',
  release: 'linear',
  attempts: 'failures',
  deadLetter: 'plain',
  delay: 'none',
  ttl: 'native',
  priority: 'native',
  dedup: 'none',
  excludes: [],
  // The body alone: RabbitMQ counts no headers, and headers have 64 KiB of their own.
  limits: { maxBytes: 128 * mebibyte, maxBatch: 1000, maxDelayMs: 0, maxReleaseDelayMs: 2 ** 31 - 1 },
} as const satisfies ChannelCapabilities;

function frozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) frozen(part);
  return Object.freeze(value);
}

/** What a RabbitMQ of the newest line can do. `capabilitiesOf` lowers it to the server at hand. */
export const capabilities = frozen({
  queue,
  // A subscription is declared without times for retries.
  topic: {
    ...queue,
    release: 'immediate',
    durable: 'subscription',
    pattern: 'wildcard',
    filter: 'headers',
  },
  stream: {
    ...queue,
    style: 'position',
    release: 'none',
    attempts: 'none',
    deadLetter: 'none',
    ttl: 'none',
    priority: 'none',
    seek: 'timestamp',
    group: 'none',
    tombstone: 'none',
  },
  reply: 'native',
  atomic: 'none',
  admin: 'manage',
} as const satisfies Capabilities);

/** Major and minor, comparable as one number: 4.3 is 4003. */
export const versionNumber = (version: string): number => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
};

/**
 * What differs by version. The default of `max_message_size` fell from 128 to 16 MiB with 4.0; delayed retry, strict
 * priorities and a count of failures instead of deliveries came to quorum queues with 4.3.
 */
export function capabilitiesOf(product: string, version: string, maxMessageBytes: number | undefined): Capabilities {
  const number = versionNumber(version);
  if (product !== 'RabbitMQ' || number < 3010) {
    const text = `This server is ${product} ${version}; RabbitMQ 3.10 or newer is needed`;
    throw new WaybillError('unsupported', text);
  }
  const maxBytes = maxMessageBytes ?? (number >= 4000 ? 16 : 128) * mebibyte;
  const limits = { ...queue.limits, maxBytes };
  const lowered = number < 4003 ? ({ attempts: 'deliveries', priority: 'none' } as const) : {};
  return frozen({
    ...capabilities,
    queue: { ...capabilities.queue, ...lowered, ...(number < 4003 && { release: 'immediate' }), limits },
    topic: { ...capabilities.topic, ...lowered, limits },
    stream: { ...capabilities.stream, limits },
  });
}
