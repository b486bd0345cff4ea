import { linear, queue, stream, topic, type } from '@waybill/core';
import type { Body } from './body.ts';

const attempts = 4;
const schema = type<Body>();
const retry = { attempts, backoff: linear({ firstMs: 100, maxMs: 1_000 }) };
const key = (body: Body): string => body.key;

/** The application under faults: one destination for each guarantee that is judged. */
export const destinations = {
  /** Retries with a delay, dead letters, no order. */
  work: queue('work', { schema, retry }),
  /** Order by key, kept through retries. */
  keyed: queue('keyed', { schema, retry, needs: { order: 'key' }, key }),
  /** Two durable subscriptions, each owed everything. */
  news: topic('news', { schema, retry }),
  /** Read from the beginning, by readers that keep their own positions. */
  log: stream('log', { schema, needs: { order: 'key', seek: 'position' }, key }),
} as const;

export type Place = keyof typeof destinations;
export const places = ['work', 'keyed', 'news', 'log'] as const satisfies readonly Place[];
export const subscriptionsOfNews = ['audit', 'mail'] as const;
/** A delivery that nobody extends is free again after this time, at brokers with leases. Milliseconds. */
export const leaseMs = 5_000;
export const maxAttempts = attempts;
export const keys = 64;
/** How many messages of a hundred go to each. */
export const shares: Readonly<Record<Place, number>> = { work: 40, keyed: 25, news: 20, log: 15 };

/** What consumers of these places are called, readers of the stream excepted. */
export const subscriptionsOf = (carried: readonly Place[]): readonly string[] =>
  ['work', 'keyed', ...subscriptionsOfNews.map((name) => `news/${name}`)].filter((subscription) => {
    const place = destinationOf(subscription);
    return place !== undefined && carried.includes(place);
  });

/** Each reader of the stream is a subscription of its own: all of them are owed everything. */
export const subscriptionOf = (reader: string): string => `log/${reader}`;

/** Of a subscription; the queues that delayed retries wait in are none. */
export function destinationOf(subscription: string): Place | undefined {
  const [name = ''] = subscription.split('/');
  return places.find((place) => place === name);
}

/** Every id in a history begins with its place: message `work-p1-17`, delivery `keyed:4`. */
export function placeOfId(id: string): Place | undefined {
  return places.find((place) => id.startsWith(`${place}-`) || id.startsWith(`${place}:`));
}
