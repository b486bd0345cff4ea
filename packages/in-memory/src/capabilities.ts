import type { Capabilities, ChannelCapabilities, Limits, StreamCapabilities } from '@waybill/core/driver';

/** What one message and one call may hold, and how long messages may wait. */
export const defaultLimits: Limits = {
  maxBytes: 16 * 1024 * 1024,
  maxBatch: 4096,
  maxDelayMs: 366 * 86_400_000,
  maxReleaseDelayMs: 366 * 86_400_000,
};

const channel = {
  delivery: 'at-least-once',
  order: 'total',
  partial: 'prefix',
  release: 'delayed',
  attempts: 'failures',
  deadLetter: 'cause',
  delay: 'native',
  ttl: 'native',
  priority: 'native',
  dedup: 'window',
  excludes: Object.freeze([Object.freeze(['order', 'priority'] as const)]),
} as const satisfies Partial<ChannelCapabilities>;

/** Total order is that of a stream with one partition, which is the default. */
const log = {
  style: 'position',
  delivery: 'at-least-once',
  order: 'total',
  partial: 'prefix',
  release: 'none',
  attempts: 'none',
  deadLetter: 'none',
  delay: 'none',
  ttl: 'none',
  priority: 'none',
  dedup: 'window',
  excludes: Object.freeze([]),
  seek: 'timestamp',
  group: 'native',
  tombstone: 'native',
} as const satisfies Omit<StreamCapabilities, 'limits'>;

/** As an option of the broker says; everything else is fixed. */
interface Chosen {
  readonly style: 'lease' | 'message';
  readonly limits: Limits;
}

/** What this broker can do: frozen, since plans keep it. */
export function capabilitiesOf({ style, limits }: Chosen) {
  const chosen = { style, limits: Object.freeze({ ...limits }) };
  return Object.freeze({
    queue: Object.freeze({ ...channel, ...chosen }),
    topic: Object.freeze({ ...channel, ...chosen, durable: 'subscription', pattern: 'wildcard', filter: 'headers' }),
    stream: Object.freeze({ ...log, limits: chosen.limits }),
    reply: 'native',
    atomic: 'position-and-send',
    admin: 'manage',
  } as const) satisfies Capabilities;
}
export type MemoryCapabilities = ReturnType<typeof capabilitiesOf>;
