import { type Capabilities, type ChannelCapabilities, WaybillError } from '@waybill/core/driver';

const mebibyte = 1 << 20;
const day = 86_400_000;
/** Of `max_payload` for what travels beside body and headers of the user: id, key, addresses, the cause of a death. */
const ownHeaderBytes = 8192;

const queue = {
  style: 'lease',
  delivery: 'at-least-once',
  order: 'total',
  partial: 'each',
  release: 'delayed',
  attempts: 'deliveries',
  deadLetter: 'none',
  delay: 'native',
  // The server's own counts whole seconds, and what it drops reaches no dead letters.
  ttl: 'none',
  priority: 'none',
  dedup: 'window',
  excludes: [['order', 'delay']],
  limits: { maxBytes: 64 * mebibyte - ownHeaderBytes, maxBatch: 1000, maxDelayMs: 365 * day, maxReleaseDelayMs: day },
} as const satisfies ChannelCapabilities;

function frozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) frozen(part);
  return Object.freeze(value);
}

/** What the newest NATS server can do, configured for the largest messages. `capabilitiesOf` lowers it to the server at hand. */
export const capabilities = frozen({
  queue,
  topic: {
    ...queue,
    // A subscription is one durable consumer; what of it was not settled comes again behind what is newer.
    order: 'none',
    // A scheduled message in an interest stream is dropped without an error, because nobody consumes it yet (2.15.1).
    delay: 'none',
    excludes: [],
    durable: 'subscription',
    pattern: 'wildcard',
    filter: 'none',
  },
  stream: {
    ...queue,
    style: 'position',
    release: 'none',
    attempts: 'none',
    delay: 'none',
    excludes: [],
    seek: 'timestamp',
    // Members of a durable consumer share messages, not lanes, so that no position says what is done.
    group: 'none',
    tombstone: 'none',
  },
  reply: 'native',
  atomic: 'none',
  admin: 'manage',
} as const satisfies Capabilities);

/** Major and minor, comparable as one number: 2.15 is 2015. */
export const versionNumber = (version: string): number => {
  const [major = 0, minor = 0] = version.split('.').map(Number.parseFloat);
  return major * 1000 + minor;
};

/** Message schedules came with 2.12; an older server takes them for plain messages, without an error. */
export const hasSchedules = (version: string): boolean => versionNumber(version) >= 2012;

/** What a server says of itself that decides what it can do. */
export interface Server {
  readonly version: string;
  readonly maxPayload: number;
  readonly isClustered: boolean;
}

export function capabilitiesOf({ version, maxPayload, isClustered }: Server): Capabilities {
  if (versionNumber(version) < 2009)
    throw new WaybillError('unsupported', `This server is NATS ${version}; 2.9 or newer is needed`);
  const maxBytes = Math.max(0, maxPayload - ownHeaderBytes);
  const limits = { ...queue.limits, maxBytes };
  const withoutDelay = { delay: 'none', limits: { ...limits, maxDelayMs: 0 } } as const;
  // What was deleted while one of three servers was away stays on that server, where no request reaches it: whose
  // consumer that was, its stream takes no other owner (2.9.10). Newer ones look for such orphans.
  const isHaunted = isClustered && versionNumber(version) < 2010;
  const withoutOrder = { order: 'none', partial: 'each', excludes: [] } as const;
  return frozen({
    ...capabilities,
    queue: { ...queue, limits, ...(!hasSchedules(version) && withoutDelay), ...(isHaunted && withoutOrder) },
    topic: { ...capabilities.topic, ...withoutDelay },
    stream: { ...capabilities.stream, ...withoutDelay },
  });
}
