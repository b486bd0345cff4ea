import type { Capabilities, ChannelCapabilities } from '@waybill/core/driver';

const channels = ['queue', 'topic', 'stream'] as const;
const plain = ['reply', 'atomic', 'admin'] as const;

/** Every value of a manifest as a word, `queue.priority=native`; limits and exclusions as `queue.limits.maxBytes`. */
export function wordsOf(capabilities: Capabilities): readonly string[] {
  return [
    ...channels.flatMap((kind) => channelWords(kind, capabilities[kind])),
    ...plain.map((name) => `${name}=${capabilities[name]}`),
  ];
}

function channelWords(kind: string, channel: ChannelCapabilities | 'none'): readonly string[] {
  if (channel === 'none') return [`${kind}=none`];
  return Object.entries(channel).flatMap(([name, value]) => {
    if (name === 'limits') return Object.keys(channel.limits).map((limit) => `${kind}.limits.${limit}`);
    if (name === 'excludes') return channel.excludes.map((pair) => `${kind}.excludes=${pair.join('-')}`);
    return [`${kind}.${name}=${String(value)}`];
  });
}
