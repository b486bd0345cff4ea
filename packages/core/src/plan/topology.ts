import type { Destination } from '../destination/destination.ts';
import { besideOf, deadLetterOf, orderOf, wantsDeadLetter } from '../destination/facts.ts';
import type { ChannelCapabilities } from '../driver/capabilities.ts';
import type { Place } from '../driver/place.ts';
import type { Declaration, QueueDeclaration } from '../driver/topology.ts';
import { delayQueue, nativeSchedule, servedSteps } from './steps.ts';

/** A destination as a driver meets it. */
export function placeOf(destination: Destination, driver: string): Place {
  const native = destination.options.native?.[driver];
  return { name: destination.name, order: orderOf(destination), ...(native !== undefined && { native }) };
}

/** Dead letters and delay queues: plain queues beside the destination. */
const sideQueue = (name: string): QueueDeclaration => ({
  kind: 'queue',
  name,
  order: 'none',
  priority: false,
  ttl: false,
  delay: false,
  ifMissing: true,
});

/** What must exist for this destination, emulation included. Order matters: what is pointed at comes first. */
export function declarations(
  destination: Destination,
  channel: ChannelCapabilities,
  driver: string,
): readonly Declaration[] {
  const named = wantsDeadLetter(destination, channel) ? deadLetterOf(destination) : undefined;
  const dead = named === destination.name ? undefined : named;
  const beside = [
    ...(dead === undefined ? [] : [dead]),
    ...servedSteps(destination, channel).map((step) => delayQueue(besideOf(destination), step)),
  ];
  return [...beside.map(sideQueue), own(destination, channel, placeOf(destination, driver), dead)];
}

function own(
  destination: Destination,
  channel: ChannelCapabilities,
  place: Place,
  dead: string | undefined,
): Declaration {
  const { needs, options, kind } = destination;
  switch (kind) {
    case 'queue': {
      const retry = nativeSchedule(destination, channel);
      const asked = {
        priority: needs.priority !== undefined,
        ttl: needs.ttl !== undefined,
        delay: needs.delay !== undefined,
      };
      return { kind, ...place, ...asked, ...(dead !== undefined && { deadLetter: dead }), ...(retry && { retry }) };
    }
    case 'topic':
      return { kind, ...place };
    case 'stream':
      return { kind, ...place, ...pick(options.retentionMs, 'retentionMs'), ...pick(options.partitions, 'partitions') };
  }
}

const pick = <K extends string>(value: number | undefined, name: K): Partial<Record<K, number>> =>
  value === undefined ? {} : ({ [name]: value } as Record<K, number>);
