import { textOf } from '../error/error.ts';
import type { BusEvent } from './events.ts';

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
