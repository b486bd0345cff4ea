import type { Capabilities, ChannelCapabilities, StreamCapabilities, TopicCapabilities } from '@waybill/core/driver';

/** Every word a manifest may say, weakest first. The compiler holds it against the contract. */
type Words<T> = { readonly [Name in keyof T]-?: readonly (T[Name] & string)[] };

const channel = {
  style: ['message', 'lease', 'position'],
  delivery: ['at-most-once', 'at-least-once'],
  order: ['none', 'key', 'total'],
  partial: ['each', 'prefix'],
  release: ['none', 'immediate', 'linear', 'delayed'],
  attempts: ['none', 'flag', 'deliveries', 'failures'],
  deadLetter: ['none', 'plain', 'cause'],
  delay: ['none', 'native'],
  ttl: ['none', 'native'],
  priority: ['none', 'native'],
  dedup: ['none', 'window'],
} as const satisfies Words<Omit<ChannelCapabilities, 'excludes' | 'limits'>>;

export const vocabulary = {
  queue: channel,
  topic: {
    ...channel,
    durable: ['none', 'subscription'],
    pattern: ['none', 'prefix', 'wildcard'],
    filter: ['none', 'headers'],
  } as const satisfies Words<Omit<TopicCapabilities, 'excludes' | 'limits'>>,
  stream: {
    ...channel,
    seek: ['none', 'ends', 'position', 'timestamp'],
    group: ['none', 'native'],
    tombstone: ['none', 'native'],
  } as const satisfies Words<Omit<StreamCapabilities, 'excludes' | 'limits'>>,
} as const;

export const brokerVocabulary = {
  reply: ['none', 'native'],
  atomic: ['none', 'position-and-send'],
  admin: ['none', 'inspect', 'manage'],
} as const satisfies Words<Pick<Capabilities, 'reply' | 'atomic' | 'admin'>>;

export const kinds = ['queue', 'topic', 'stream'] as const;
export const limitNames = ['maxBytes', 'maxBatch', 'maxDelayMs', 'maxReleaseDelayMs'] as const;

/** Words that nothing could ask for: nothing of a record is settled, and streams have no other style. */
const impossible: readonly RegExp[] = [
  /^stream\.(release|attempts|deadLetter|delay|ttl|priority)=(?!none)/,
  /^stream\.style=(?!position)/,
  /^stream\.limits\.max(Release)?DelayMs$/,
];

/** Every value that a manifest can hold, as words like those of `wordsOf`. */
export function allWords(): readonly string[] {
  const ofChannels = kinds.flatMap((kind) => [
    `${kind}=none`,
    ...Object.entries<readonly string[]>(vocabulary[kind]).flatMap(([name, values]) =>
      values.map((value) => `${kind}.${name}=${value}`),
    ),
    `${kind}.excludes`,
    ...limitNames.map((limit) => `${kind}.limits.${limit}`),
  ]);
  const ofBroker = Object.entries(brokerVocabulary).flatMap(([name, values]) =>
    values.map((value) => `${name}=${value}`),
  );
  return [...ofChannels, ...ofBroker].filter((word) => !impossible.some((pattern) => pattern.test(word)));
}
