import { type Place, type Source, WaybillError } from '@waybill/core/driver';
import { placeOptionsOf } from './native.ts';

/** Kafka's own limit for the name of a topic. */
const longest = 249;

/** The Kafka topic behind a place; throws `invalid` for a name that Kafka does not take. */
export function checkedName(kind: string, name: string): string {
  const refuse = (why: string): never => {
    throw new WaybillError('invalid', `The ${kind} name "${name.slice(0, 60)}" cannot be used on Kafka: ${why}`);
  };
  if (!/^[\w.-]+$/.test(name)) return refuse('only letters without accents, digits, ".", "_" and "-" are possible');
  if (name === '.' || name === '..') return refuse('"." and ".." are reserved; choose another');
  if (name.length > longest) return refuse(`it has ${name.length} characters, at most ${longest} are possible`);
  return name;
}

/** A place of any kind, as far as its name goes. */
type Named = Pick<Place, 'name' | 'native'> & { readonly kind: 'queue' | 'topic' | 'stream' };

/**
 * The Kafka topic behind a place. Kafka has one space of names for what are three to Waybill: streams and topics have
 * their own name, so that other programs find them, and queues have a prefix.
 */
export function topicOf(place: Named | { readonly kind: 'reply' }): string {
  if (place.kind === 'reply') throw new WaybillError('unsupported', 'Kafka has no replies of its own');
  const { topic } = placeOptionsOf(place);
  return topic ?? checkedName(place.kind, place.kind === 'queue' ? `queue.${place.name}` : place.name);
}

/** The group that competes for a queue. Groups and topics are named apart on Kafka. */
const queueGroup = (place: Pick<Place, 'name' | 'native'>): string =>
  placeOptionsOf(place).group ?? `waybill/${place.name}`;

/** The same, where that reads partitions. */
export const classicGroupOf = queueGroup;

/** The share group of a queue: groups of another kind have the same names on Kafka. */
export const shareGroupOf = (place: Pick<Place, 'name' | 'native'>): string =>
  placeOptionsOf(place).group ?? `waybill.shared/${place.name}`;

/** The group behind a durable subscription. */
export const subscriptionGroup = (topic: string, subscription: string): string => `${topic}/${subscription}`;

/** The group behind a source, where it has one. */
export function groupOf(source: Exclude<Source, { kind: 'reply' }>): string | undefined {
  switch (source.kind) {
    case 'queue':
      return queueGroup(source);
    case 'topic':
      return source.subscription === undefined ? undefined : subscriptionGroup(topicOf(source), source.subscription);
    case 'stream':
      return source.group;
  }
}
