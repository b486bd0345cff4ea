import { channel } from 'node:diagnostics_channel';
import { textOf } from '../error/error.ts';
import { describeEvent } from './describe.ts';
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
const handledChannel = channel('waybill:handled');

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
