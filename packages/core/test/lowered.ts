import type {
  Capabilities,
  ChannelCapabilities,
  Driver,
  LaneOwner,
  Link,
  Outgoing,
  Receiver,
  ReceiveOptions,
  Settlement,
  Source,
  StreamCapabilities,
  Target,
  TopicCapabilities,
} from '../src/driver/index.ts';

/** What a driver is to declare less than it can do. */
export interface Less {
  readonly queue?: Partial<ChannelCapabilities> | 'none';
  readonly topic?: Partial<TopicCapabilities> | 'none';
  readonly stream?: Partial<StreamCapabilities> | 'none';
  /** No questions about depth, no purge. */
  readonly admin?: 'none';
}

export interface Lowered {
  readonly driver: Driver;
  /** What core did that the declared capabilities, or the rules for drivers, forbid. */
  readonly breaches: readonly string[];
}

/**
 * A driver that declares fewer capabilities than it has, so that core's own emulations run on it, and that watches
 * whether core keeps to what is declared. With nothing taken away it only watches.
 */
export function lowered(inner: Driver, less: Less = {}): Lowered {
  const breaches: string[] = [];
  const say = (breach: string): void => void breaches.push(breach);
  const driver: Driver = {
    ...inner,
    capabilities: lower(inner.capabilities, less),
    connect: async (options) => lowerLink(await inner.connect(options), less, say),
  };
  return { driver, breaches };
}

function lower(all: Capabilities, less: Less): Capabilities {
  const channel = <C extends object>(has: C | 'none', takes: Partial<C> | 'none' | undefined): C | 'none' =>
    has === 'none' || takes === 'none' ? 'none' : { ...has, ...takes };
  return {
    ...all,
    queue: channel(all.queue, less.queue),
    topic: channel(all.topic, less.topic),
    stream: channel(all.stream, less.stream),
    ...(less.admin && { admin: less.admin }),
  };
}

function lowerLink(inner: Link, less: Less, say: (breach: string) => void): Link {
  const capabilities = lower(inner.capabilities, less);
  const busy = new Set<string>();
  const declare = inner.declare?.bind(inner);
  return {
    native: inner.native,
    capabilities,
    closed: inner.closed,
    async send(target, batch) {
      const channel = target.kind === 'reply' ? undefined : channelOf(capabilities, target.kind);
      if (channel) for (const breach of sendingBreaches(target, batch, channel)) say(breach);
      const name = `${target.kind} ${target.name}`;
      const ordered = target.kind !== 'reply' && target.order !== 'none';
      if (ordered && busy.has(name)) say(`send: two calls at once to the ordered ${name}`);
      if (ordered) busy.add(name);
      try {
        return await inner.send(target, batch);
      } finally {
        busy.delete(name);
      }
    },
    receive: async (source, options) =>
      lowerReceiver(await inner.receive(checkSource(source, capabilities, say), options), source, options, {
        channel: source.kind === 'reply' ? undefined : channelOf(capabilities, source.kind),
        say,
      }),
    ping: (signal) => inner.ping(signal),
    close: () => inner.close(),
    ...(declare && { declare }),
    ...(inner.admin && less.admin !== 'none' && { admin: inner.admin }),
  };
}

const channelOf = (capabilities: Capabilities, kind: 'queue' | 'topic' | 'stream'): ChannelCapabilities | undefined => {
  const channel = capabilities[kind];
  return channel === 'none' ? undefined : channel;
};

function sendingBreaches(target: Target, batch: readonly Outgoing[], channel: ChannelCapabilities): string[] {
  const at = `send to ${target.kind} ${target.name}`;
  const has = (field: 'delayMs' | 'ttlMs' | 'priority'): boolean => batch.some((one) => one[field] !== undefined);
  return [
    batch.length === 0 && `${at}: an empty batch`,
    batch.length > channel.limits.maxBatch && `${at}: ${batch.length} in a batch of at most ${channel.limits.maxBatch}`,
    channel.partial === 'each' && repeatsKey(target, batch) && `${at}: two of one key in a call that may fail in part`,
    channel.delay === 'none' && has('delayMs') && `${at}: delayMs, which is not declared`,
    channel.ttl === 'none' && has('ttlMs') && `${at}: ttlMs, which is not declared`,
    channel.priority === 'none' && has('priority') && `${at}: priority, which is not declared`,
  ].filter((breach) => breach !== false);
}

/** One item of a key a call, where a refused one would not stop those behind it. */
function repeatsKey(target: Target, batch: readonly Outgoing[]): boolean {
  if (target.kind === 'reply' || target.order === 'none') return false;
  const keys = batch.map(({ key }) => (target.order === 'total' ? '' : key));
  return new Set(keys).size < keys.length;
}

function checkSource(source: Source, capabilities: Capabilities, say: (breach: string) => void): Source {
  if (source.kind !== 'topic' || capabilities.topic === 'none') return source;
  const { pattern, filter } = capabilities.topic;
  if (source.filter?.pattern !== undefined && pattern === 'none') say('receive: a pattern, which is not declared');
  if (source.filter?.headers !== undefined && filter === 'none') say('receive: a header filter, which is not declared');
  return source;
}

interface Watching {
  readonly channel: ChannelCapabilities | undefined;
  readonly say: (breach: string) => void;
}
function lowerReceiver(inner: Receiver, source: Source, options: ReceiveOptions, watching: Watching): Receiver {
  const { say } = watching;
  if (inner.style === 'position') return inner;
  const settled = new Set<unknown>();
  const state = { ended: false };
  void inner.closed.then(() => (state.ended = true));
  const at = source.kind === 'reply' ? 'reply' : `${source.kind} ${source.name}`;
  const common = {
    native: inner.native,
    closed: inner.closed,
    start: (owner: LaneOwner<never>) => inner.start(owner),
    close: () => inner.close(),
    settle: async (batch: readonly Settlement[]) => {
      if (state.ended) say(`settle on ${at}: the receiver has ended`);
      if (options.delivery === 'at-most-once') say(`settle on ${at}: an at-most-once receiver settles nothing`);
      for (const settlement of batch)
        for (const breach of settleBreaches(at, settlement, settled, watching)) say(breach);
      const unsettled = await inner.settle(batch);
      for (const { index, outcome } of unsettled) if (outcome === 'failed') settled.delete(batch[index]?.receipt);
      return unsettled;
    },
  };
  return inner.style === 'message'
    ? { style: 'message', ...common }
    : { style: 'lease', leaseMs: inner.leaseMs, extend: (receipts) => inner.extend(receipts), ...common };
}

function settleBreaches(at: string, settlement: Settlement, settled: Set<unknown>, { channel }: Watching): string[] {
  const twice = settled.has(settlement.receipt);
  settled.add(settlement.receipt);
  const released = settlement.outcome === 'release' ? settlement.delayMs : 0;
  return [
    twice && `settle on ${at}: a receipt came twice`,
    released > 0 &&
      channel !== undefined &&
      channel.release !== 'delayed' &&
      channel.release !== 'linear' &&
      `settle on ${at}: released for ${released} ms, and the broker keeps no time`,
  ].filter((breach) => breach !== false);
}
