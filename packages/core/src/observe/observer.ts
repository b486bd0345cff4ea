import { channel } from 'node:diagnostics_channel';
import { textOf } from '../error/error.ts';
import type { BusEvent, Handled } from './events.ts';

type EventOf<T extends BusEvent['type']> = Omit<Extract<BusEvent, { readonly type: T }>, 'type' | 'broker'>;

const channels = {
  link: channel('waybill:link'),
  consumer: channel('waybill:consumer'),
  'delivery-lost': channel('waybill:delivery-lost'),
  retry: channel('waybill:retry'),
  'dead-letter': channel('waybill:dead-letter'),
  held: channel('waybill:held'),
  dropped: channel('waybill:dropped'),
} as const satisfies Readonly<Record<BusEvent['type'], unknown>>;
export const handledChannel = channel('waybill:handled');

/**
 * Tells what happens in one broker's part of a bus. What would otherwise go unseen, a lost connection, a consumer that
 * ended by itself, a message given up, becomes a process warning where nobody listens.
 */
export class Observer {
  readonly #broker: string;
  readonly #listener: ((event: BusEvent) => void) | undefined;

  constructor(broker: string, listener: ((event: BusEvent) => void) | undefined) {
    this.#broker = broker;
    this.#listener = listener;
  }

  emit<T extends BusEvent['type']>(type: T, facts: EventOf<T>): void {
    const event = { type, broker: this.#broker, ...facts } as unknown as BusEvent;
    const heard = channels[type].hasSubscribers || this.#listener !== undefined;
    channels[type].publish(event);
    if (this.#listener) tell(this.#listener, event);
    if (!heard && isSerious(event))
      process.emitWarning(describeEvent(event), {
        type: 'WaybillWarning',
        code: `WAYBILL_${type.toUpperCase().replace('-', '_')}`,
      });
  }

  get tellsHandled(): boolean {
    return handledChannel.hasSubscribers;
  }
  handled(facts: Omit<Handled, 'broker'>): void {
    handledChannel.publish({ broker: this.#broker, ...facts });
  }
}

/** A listener that throws must not end what it listens to; its error is shown, since nobody else can. */
function tell(listener: (event: BusEvent) => void, event: BusEvent): void {
  try {
    const told: unknown = listener(event);
    if (told instanceof Promise) told.catch(warn);
  } catch (error) {
    warn(error);
  }
}
const warn = (error: unknown): void =>
  process.emitWarning(`the observe listener failed: ${textOf(error)}`, {
    type: 'WaybillWarning',
    code: 'WAYBILL_OBSERVE',
  });

function isSerious(event: BusEvent): boolean {
  switch (event.type) {
    case 'link':
      return event.state === 'down' || event.state === 'blocked';
    case 'consumer':
      return event.state !== 'live' && event.cause !== undefined;
    case 'held':
    case 'dropped':
      return true;
    case 'dead-letter':
    case 'delivery-lost':
    case 'retry':
      return false;
  }
}

/** One line for logs. */
export function describeEvent(event: BusEvent): string {
  const cause = 'cause' in event && event.cause !== undefined ? `: ${textOf(event.cause)}` : '';
  const error = 'error' in event && event.error !== undefined ? `: ${textOf(event.error)}` : '';
  switch (event.type) {
    case 'link':
      return `${event.broker} is ${event.state}${cause}`;
    case 'consumer':
      return `${event.broker}: the consumer of ${event.source} is ${event.state}${cause}`;
    case 'delivery-lost':
      return `${event.broker}: a delivery of ${event.source} was lost and comes again (message ${event.id ?? 'without id'})`;
    case 'retry':
      return `${event.broker}: ${event.source}: attempt ${event.attempt} failed, again in ${event.delayMs} ms by ${event.via}${error}`;
    case 'dead-letter':
      return `${event.broker}: ${event.source}: dead-lettered as ${event.reason}${error}`;
    case 'held':
      return `${event.broker}: ${event.source}: message ${event.id ?? 'without id'} is held, because no copy could be stored in ${event.target}${error}`;
    case 'dropped':
      return `${event.broker}: ${event.source}: message ${event.id ?? 'without id'} given up as ${event.reason}${error}`;
  }
}
