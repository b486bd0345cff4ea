import type { HistoryWriter } from '@waybill/conformance/history';
import type { BusEvent, Received } from '@waybill/core';
import { type Body, checksumOf } from './body.ts';
import { destinationOf, type Place, subscriptionOf } from './destinations.ts';

/** What a process tells whoever watches it, beside its history. */
export interface Watcher {
  link(state: 'live' | 'down'): void;
  /** A consumer has a receiver. */
  live(subscription: string): void;
  /** Said by a producer: messages begun, and with an outcome. */
  progress(begun: number, concluded: number): void;
}

/** Writes down what a bus reports about itself. `reader` names its reader of the stream. */
export function observerOf(history: HistoryWriter, watcher: Watcher, reader: string): (event: BusEvent) => void {
  return (event) => {
    if (event.type === 'link') recordLink(history, watcher, event);
    if (event.type !== 'consumer' || event.state !== 'live') return;
    const subscription = event.source === 'log' ? subscriptionOf(reader) : event.source;
    const destination = destinationOf(subscription);
    if (destination === undefined) return;
    history.record({ type: 'subscribe.ready', subscription, destination });
    watcher.live(subscription);
  };
}

function recordLink(history: HistoryWriter, watcher: Watcher, event: Extract<BusEvent, { type: 'link' }>): void {
  if (event.state === 'live') history.record({ type: 'connection.up' });
  else if (event.state === 'blocked') history.record({ type: 'connection.blocked', reason: String(event.cause) });
  else if (event.state === 'down') history.record({ type: 'connection.down', reason: String(event.cause) });
  if (event.state === 'live' || event.state === 'down') watcher.link(event.state);
}

/** Writes down the deliveries of one process. */
export class DeliveryRecorder {
  readonly #history: HistoryWriter;
  #deliveries = 0;

  constructor(history: HistoryWriter) {
    this.#history = history;
  }

  /** The start of a handler; returns the id of the delivery. */
  begin(place: Place, subscription: string, received: Received<Body>, more: Started): string {
    const body = received.value;
    const delivery = `${place}:${(this.#deliveries += 1)}`;
    this.#history.record({
      type: 'deliver',
      delivery,
      message: body.id,
      subscription,
      destination: place,
      ...(received.id?.startsWith(`${place}-`) && { headerMessage: received.id }),
      ...(place !== 'work' && place !== 'news' && { key: received.key ?? body.key }),
      body: checksumOf(body),
      ...more,
    });
    return delivery;
  }

  end(delivery: string, outcome: 'ok' | 'error'): void {
    this.#history.record({ type: 'handled', delivery, outcome });
  }
}

interface Started {
  readonly attempt?: number;
  readonly redelivered?: boolean;
  readonly lane?: string;
  readonly position?: string;
}
