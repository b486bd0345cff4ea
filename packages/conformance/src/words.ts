import type { Capabilities, ChannelCapabilities } from '@waybill/core/driver';
import { kinds } from './vocabulary.ts';

const ofBroker = ['reply', 'atomic', 'admin'] as const;

/** Every value of a manifest as a word: `queue.priority=native`, `queue.limits.maxBytes`, `queue.excludes`. */
export function wordsOf(capabilities: Capabilities): readonly string[] {
  return [
    ...kinds.flatMap((kind) => channelWords(kind, capabilities[kind])),
    ...ofBroker.map((name) => `${name}=${capabilities[name]}`),
  ];
}

function channelWords(kind: string, channel: ChannelCapabilities | 'none'): readonly string[] {
  if (channel === 'none') return [`${kind}=none`];
  return Object.entries(channel).flatMap(([name, value]) => {
    if (name === 'limits') return limitsThatMean(channel).map((limit) => `${kind}.limits.${limit}`);
    if (name === 'excludes') return channel.excludes.length > 0 ? [`${kind}.excludes`] : [];
    return [`${kind}.${name}=${String(value)}`];
  });
}

/** A longest delay means nothing where there is no delay. */
function limitsThatMean({ delay, release }: ChannelCapabilities): readonly string[] {
  return [
    'maxBytes',
    'maxBatch',
    ...(delay === 'native' ? ['maxDelayMs'] : []),
    ...(release === 'delayed' ? ['maxReleaseDelayMs'] : []),
  ];
}

/** What a manifest says under a word's name: `native` for `queue.priority`. Undefined where there is no such channel. */
export function valueAt(capabilities: Capabilities, name: string): string | undefined {
  const found = wordsOf(capabilities).find((word) => word.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

/** The reason why a word is not this broker's, if it is not. */
export const notDeclared = (capabilities: Capabilities, word: string): string | undefined =>
  wordsOf(capabilities).includes(word) ? undefined : `not declared: this broker does not say ${word}`;
