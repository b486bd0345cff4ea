import type { Queue } from '../destination/destination.ts';
import type { Needs } from '../destination/needs.ts';
import { deadLetterOf, isAtMostOnce } from '../destination/facts.ts';
import type { Source } from '../driver/place.ts';
import { invalid } from '../error/error.ts';
import { placeOf } from '../plan/topology.ts';
import { consumeBatch, consumeEach, deliveries, depth, purge } from './receiving.ts';
import type { Outbox } from '../send/outbox.ts';
import type { Carrier } from './carrier.ts';
import type { EveryNeed, QueueHandle } from './handles.ts';
import { checkConsuming } from './checks.ts';
import { redrive } from './redrive.ts';

export function queueHandle(
  carrier: Carrier,
  destination: Queue<unknown, unknown, Needs>,
  outbox: Outbox,
): QueueHandle<unknown, unknown, EveryNeed> {
  const source = { kind: 'queue', ...placeOf(destination, carrier.driver.name) } as const satisfies Source;
  const place = { destination, source, name: destination.name };
  const where = `queue ${destination.name}`;
  return {
    destination,
    depth: () => depth(carrier, where, source),
    send: (value, options) => outbox.send(value, options) as Promise<void>,
    sendMany: (values, options) => outbox.sendMany(values, options),
    async consume(handler, options = {}) {
      checkConsuming(where, 'consume', handler, options, false);
      return consumeEach(carrier, place, handler, options);
    },
    async consumeBatch(handler, options = {}) {
      checkConsuming(where, 'consume', handler, options, true);
      return consumeBatch(carrier, place, handler, options);
    },
    async receive(options = {}) {
      checkConsuming(where, 'consume', () => {}, options, false);
      return deliveries(carrier, place, options);
    },
    async redrive(options) {
      const dead = isAtMostOnce(destination) ? undefined : deadLetterOf(destination);
      if (dead === undefined || dead === destination.name)
        throw invalid(`${where}: it has no dead letters of its own to redrive; declare it with deadLetter: true`);
      return redrive(carrier, destination, dead, options);
    },
    purge: () => purge(carrier, where, source),
  };
}
