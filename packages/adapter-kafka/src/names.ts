import { type Place, WaybillError } from '@waybill/core/driver';
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

/** The group that competes for a queue. Groups and topics are named apart on Kafka. */
export const queueGroup = (place: Pick<Place, 'name' | 'native'>): string =>
  placeOptionsOf(place).group ?? `waybill/${place.name}`;

/** The group behind a durable subscription. */
export const subscriptionGroup = (topic: string, subscription: string): string => `${topic}/${subscription}`;
