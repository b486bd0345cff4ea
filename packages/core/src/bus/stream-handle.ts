import type { Stream } from '../destination/destination.ts';
import type { Needs } from '../destination/needs.ts';
import type { StreamCapabilities } from '../driver/capabilities.ts';
import { invalid, WaybillError } from '../error/error.ts';
import { placeOf } from '../plan/topology.ts';
import type { Outbox } from '../send/outbox.ts';
import type { Carrier } from './carrier.ts';
import { checkSeek } from './from.ts';
import type { StreamConsumeOptions, StreamHandle, EveryNeed } from './handles.ts';
import { checkConsuming } from './checks.ts';
import { reader } from './reader.ts';
import { checkDepthOf, consumeBatch, consumeEach, depth, type Place } from './receiving.ts';

export function streamHandle(
  carrier: Carrier,
  destination: Stream<unknown, unknown, Needs>,
  outbox: Outbox,
): StreamHandle<unknown, unknown, EveryNeed> {
  const where = `stream ${destination.name}`;
  return {
    destination,
    async depth(of = {}) {
      checkDepthOf(where, of, 'group');
      const place = placeOf(destination, carrier.driver.name);
      return depth(carrier, where, { kind: 'stream', ...place, from: 'earliest', ...of });
    },
    append: (value, options) => outbox.send(value, options),
    appendMany: (values, options) => outbox.sendMany(values, options),
    read: (options = {}) => reader(carrier, destination, options),
    async consume(handler, options) {
      return consumeEach(carrier, group(carrier, destination, handler, options, false), handler, options);
    },
    async consumeBatch(handler, options) {
      return consumeBatch(carrier, group(carrier, destination, handler, options, true), handler, options);
    },
  };
}

function group(
  carrier: Carrier,
  destination: Stream<unknown, unknown, Needs>,
  handler: unknown,
  options: StreamConsumeOptions,
  batch: boolean,
): Place {
  const where = `stream ${destination.name}`;
  checkConsuming(where, 'group', handler, options ?? {}, batch);
  if (!options?.group)
    throw invalid(`${where}: consume needs a group, like { group: 'billing' }; read() reads without one`);
  const channel = carrier.channel(destination) as StreamCapabilities;
  if (channel.group === 'none') {
    throw new WaybillError(
      'unsupported',
      `${where}: ${carrier.driver.name} keeps no positions for consumer groups; use read({ from: { after: positions, otherwise: 'earliest' } }) and keep reader.positions yourself`,
      { broker: carrier.driver.name, destination: destination.name },
    );
  }
  const from = options.from ?? 'earliest';
  checkSeek(carrier, destination, from);
  const source = { kind: 'stream', ...placeOf(destination, carrier.driver.name), group: options.group, from } as const;
  return { destination, source, name: `${destination.name}/${options.group}` };
}
