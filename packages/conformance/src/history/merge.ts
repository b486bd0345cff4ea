import type { HistoryEvent } from './event.ts';
import { HistoryFormatError } from './format-error.ts';

interface Source {
  readonly events: Iterator<HistoryEvent, unknown>;
  head: HistoryEvent;
}

/**
 * Streams in the order of their time; events of one stream keep their order, and equal times the order of streams.
 *
 * @throws HistoryFormatError where the time of one stream goes back.
 */
export function* merge(streams: readonly Iterator<HistoryEvent, unknown>[]): Generator<HistoryEvent, void> {
  const sources: Source[] = [];
  try {
    for (const events of streams) {
      const next = events.next();
      if (next.done !== true) sources.push({ events, head: next.value });
    }
    while (sources.length > 0) yield take(sources);
  } finally {
    for (const source of sources) source.events.return?.();
  }
}

function take(sources: Source[]): HistoryEvent {
  let at = 0;
  for (let index = 1; index < sources.length; index += 1) {
    if (sources[index]!.head.at < sources[at]!.head.at) at = index;
  }
  const source = sources[at]!;
  const event = source.head;
  const next = source.events.next();
  if (next.done === true) sources.splice(at, 1);
  else source.head = inOrder(event, next.value);
  return event;
}

function inOrder(event: HistoryEvent, next: HistoryEvent): HistoryEvent {
  if (next.at >= event.at) return next;
  const when = `${next.type} at ${next.at} after ${event.type} at ${event.at}`;
  throw new HistoryFormatError(`history of ${event.process}: time goes back, ${when}; record with a monotonic clock`);
}
