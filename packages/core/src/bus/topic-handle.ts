import type { Topic } from '../destination/destination.ts';
import type { Needs } from '../destination/needs.ts';
import type { TopicCapabilities } from '../driver/capabilities.ts';
import type { Filter, Source } from '../driver/place.ts';
import { deadLetterOf } from '../destination/facts.ts';
import { invalid, WaybillError } from '../error/error.ts';
import { placeOf } from '../plan/topology.ts';
import type { Outbox } from '../send/outbox.ts';
import type { Carrier } from './carrier.ts';
import type { SubscribeOptions, TopicHandle, EveryNeed } from './handles.ts';
import { checkConsuming } from './checks.ts';
import { checkDepthOf, consumeBatch, consumeEach, deliveries, depth, type Place } from './receiving.ts';

export function topicHandle(
  carrier: Carrier,
  destination: Topic<unknown, unknown, Needs>,
  outbox: Outbox,
): TopicHandle<unknown, unknown, EveryNeed> {
  const where = `topic ${destination.name}`;
  return {
    destination,
    async depth(of = {}) {
      checkDepthOf(where, of, 'subscription');
      if (of.subscription === undefined)
        throw invalid(`${where}: a topic holds nothing by itself; ask for depth({ subscription })`);
      return depth(carrier, where, { kind: 'topic', ...placeOf(destination, carrier.driver.name), ...of });
    },
    publish: (value, options) => outbox.send(value, options) as Promise<void>,
    publishMany: (values, options) => outbox.sendMany(values, options),
    async subscribe(handler, options = {}) {
      checkConsuming(where, 'subscribe', handler, options, false);
      return consumeEach(carrier, await subscription(carrier, destination, options), handler, options);
    },
    async subscribeBatch(handler, options = {}) {
      checkConsuming(where, 'subscribe', handler, options, true);
      return consumeBatch(carrier, await subscription(carrier, destination, options), handler, options);
    },
    async receive(options = {}) {
      checkConsuming(where, 'subscribe', () => {}, options, false);
      return deliveries(carrier, await subscription(carrier, destination, options), options);
    },
  };
}

/** Makes sure that the subscription can be had and, if it is durable, that it exists before anything is received. */
async function subscription(
  carrier: Carrier,
  destination: Topic<unknown, unknown, Needs>,
  { subscription: name, pattern, headers }: SubscribeOptions<EveryNeed>,
): Promise<Place> {
  const channel = carrier.channel(destination) as TopicCapabilities;
  const wanted = { ...(pattern !== undefined && { pattern }), ...(headers !== undefined && { headers }) };
  checkFilter(destination, wanted);
  const native = nativeFilter(channel, wanted);
  const place = placeOf(destination, carrier.driver.name);
  const filter = Object.keys(native).length > 0 ? { filter: native } : {};
  if (name !== undefined) {
    if (channel.durable === 'none')
      throw new WaybillError(
        'unsupported',
        `topic ${destination.name}: ${carrier.driver.name} has no durable subscriptions; leave out subscription`,
        { broker: carrier.driver.name },
      );
    const dead = deadLetterOf(destination);
    await carrier.declareAlso({
      kind: 'subscription',
      topic: destination.name,
      ...place,
      name,
      ...filter,
      ...(dead !== undefined && { deadLetter: dead }),
    });
  }
  const source: Source = { kind: 'topic', ...place, ...(name !== undefined && { subscription: name }), ...filter };
  const emulated = native === wanted || Object.keys(wanted).length === 0 ? undefined : wanted;
  return {
    destination,
    source,
    name: name === undefined ? destination.name : `${destination.name}/${name}`,
    filter: emulated,
  };
}

function checkFilter(destination: Topic<unknown, unknown, Needs>, wanted: Filter): void {
  const missing =
    wanted.pattern !== undefined && !destination.needs.pattern
      ? 'pattern'
      : wanted.headers !== undefined && !destination.needs.filter
        ? 'filter'
        : undefined;
  if (missing)
    throw invalid(
      `topic ${destination.name}: choosing messages needs the topic's word first: add needs: { ${missing}: true }`,
    );
}

/** What the broker chooses by itself. What it cannot, core does before the handler. */
function nativeFilter(channel: TopicCapabilities, wanted: Filter): Filter {
  const canMatch = wanted.pattern === undefined || channel.pattern === 'wildcard';
  const canFilter = wanted.headers === undefined || channel.filter === 'headers';
  return canMatch && canFilter ? wanted : {};
}
