import type { ChannelCapabilities } from '../driver/capabilities.ts';
import type { Destination } from './destination.ts';

/** What follows from a destination's declaration. Pure questions, asked in many places. */

export const orderOf = (destination: Destination): 'none' | 'key' | 'total' =>
  (destination.needs as { readonly order?: 'key' | 'total' }).order ?? 'none';
export const isOrdered = (destination: Destination): boolean => orderOf(destination) !== 'none';

export const isAtMostOnce = (destination: Destination): boolean =>
  (destination.needs as { readonly delivery?: string }).delivery === 'at-most-once';

export const isExactlyOnce = (destination: Destination): boolean =>
  (destination.needs as { readonly delivery?: string }).delivery === 'exactly-once';

/** Messages are settled after their handler: they can be retried, replaced and dead-lettered. */
export const isGuaranteed = (destination: Destination, channel: ChannelCapabilities): boolean =>
  !isAtMostOnce(destination) && channel.delivery !== 'at-most-once';

/** What the queues beside a destination are called after it; a queue and a topic of one name must not share them. */
export const besideOf = ({ kind, name }: Destination): string => (kind === 'queue' ? name : `${name}.${kind}`);

/**
 * The queue of the dead letters. Streams keep their records anyway, so they have one only when asked. A dead-letter
 * queue is its own: there is nowhere further, and nothing may be lost.
 */
export function deadLetterOf(destination: Destination): string | undefined {
  const named = destination.options.deadLetter ?? (destination.kind !== 'stream' && !isAtMostOnce(destination));
  if (named === false) return destination.needs.deadLetter ? deadName(destination) : undefined;
  return named === true ? deadName(destination) : named;
}

const deadName = (destination: Destination): string =>
  destination.kind === 'queue' && destination.name.endsWith('.dead')
    ? destination.name
    : `${besideOf(destination)}.dead`;

/** Asked for by name, or by default where there is somebody to settle with. */
export function wantsDeadLetter(destination: Destination, channel: ChannelCapabilities): boolean {
  if (destination.needs.deadLetter !== undefined || destination.options.deadLetter) return true;
  return (
    destination.options.deadLetter === undefined && destination.kind !== 'stream' && isGuaranteed(destination, channel)
  );
}
