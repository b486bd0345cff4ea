import { type Source, type Target, WaybillError } from '@waybill/core/driver';
import { placeOptionsOf } from './native.ts';

/** Where a queue, a subscription or a stream lives. */
export interface Keys {
  /** The stream itself. */
  readonly stream: string;
  /** What the keys beside it begin with; in the same slot of a cluster. */
  readonly side: string;
  /** Made by us: nobody keeps anything else in it. */
  readonly isOurs: boolean;
}

/** Where a stream lives. */
export interface StreamKeys extends Keys {
  /** Each partition has a slot of its own: what stands beside it is named after it. */
  readonly partition: (index: number) => Keys;
}

interface Named {
  readonly name: string;
  readonly native?: unknown;
}

/** The consumer group of queues and subscriptions. */
export const group = 'waybill';

/** The place's name is the hash tag, so that all keys of one place share a slot. */
const baseOf = (prefix: string, kind: string, name: string): string => `${prefix}${kind}:{${checkedName(kind, name)}}`;

/** Throws `invalid` for a name that makes no hash tag. */
function checkedName(kind: string, name: string): string {
  if (name !== '' && !name.startsWith('}') && Buffer.byteLength(name) <= longest) return name;
  const why = name.length > longest ? `it is longer than ${longest} bytes` : 'it is empty or begins with }';
  throw new WaybillError('invalid', `The ${kind} name "${name.slice(0, 60)}" cannot be used on Redis: ${why}`);
}
const longest = 1024;

/** A key of the user's own, where there is one, else ours. */
function keysOf(prefix: string, kind: 'queue' | 'stream', place: Named): Keys {
  const { key } = placeOptionsOf(place);
  if (key === undefined) {
    const stream = baseOf(prefix, kind, place.name);
    return { stream, side: stream, isOurs: true };
  }
  return { stream: key, side: /\{[^}]+\}/.test(key) ? key : `{${key}}`, isOurs: false };
}

export const queueKeys = (prefix: string, place: Named): Keys => keysOf(prefix, 'queue', place);
export function streamKeys(prefix: string, place: Named): StreamKeys {
  const { key } = placeOptionsOf(place);
  const partition = (index: number): Keys => {
    const stream = key === undefined ? `${prefix}partition:{${index}/${place.name}}` : `{${index}/${key}}`;
    return { stream, side: stream, isOurs: true };
  };
  return { ...keysOf(prefix, 'stream', place), partition };
}
/** A hash: a field for each subscription, and the stream of a subscription is the topic's key with that field. */
export const topicKey = (prefix: string, name: string): string => baseOf(prefix, 'topic', name);
export const subscriptionKeys = (topic: string, field: string): Keys => ({
  stream: `${topic}:${field}`,
  side: `${topic}:${field}`,
  isOurs: true,
});
export const durableField = (subscription: string): string => `durable:${checkedName('subscription', subscription)}`;
/** Of a receiver without a subscription; its keys expire when nobody keeps them. */
export const liveField = (id: string): string => `live:${id}`;
export const partitionKeys = (keys: StreamKeys, partitions: number, index: number): Keys =>
  partitions === 1 ? keys : keys.partition(index);

/** A hash: how a place was declared. */
export const metaKey = ({ side }: Pick<Keys, 'side'>): string => `${side}:meta`;
/** A hash: members, owners and positions of the readers of a stream. */
export const groupKey = ({ side }: Keys, name: string): string => `${side}:group:${checkedName('group', name)}`;

export const refuseReply = (place: Source | Target): never => {
  throw new WaybillError('unsupported', `Redis Streams has no private inboxes, so no ${place.kind} can be used`);
};
