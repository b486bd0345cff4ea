import { invalid, WaybillError } from '../error/error.ts';
import { show } from '../check.ts';
import type { ConsumerTerms } from '../receive/terms.ts';
import type { Outbox } from '../send/outbox.ts';
import type { Carrier } from './carrier.ts';

interface Way {
  readonly carrier: Carrier;
  readonly outbox: Outbox;
}
const ways = new WeakMap<object, Way>();

/** Makes the handle one that deliveries can send to. Returns it. */
export function sendable(handle: object, way: Way): object {
  ways.set(handle, way);
  return handle;
}

/** How the deliveries of a source send: by themselves, or held back for the transaction with its position. */
export function outputsOf(carrier: Carrier, source: string, exactlyOnce: boolean): ConsumerTerms['output'] {
  if (!exactlyOnce)
    return async (_loan, to, value, options) => void (await wayTo(to, source).outbox.send(value, options));
  return async (loan, to, value, options) => {
    const way = wayTo(to, source);
    if (way.carrier !== carrier) throw elsewhere(source, carrier, way.carrier);
    // Of this run: what is ready only when the next one has begun is not part of it.
    const outputs = (loan.outputs ??= []);
    outputs.push(await way.outbox.prepare(value, options));
  };
}

function wayTo(to: object, source: string): Way {
  const way = ways.get(to);
  if (way) return way;
  throw invalid(
    `${source}: a delivery sends to a handle of the bus, like delivery.send(bus.invoices, value), not to ${show(to)}`,
  );
}
const elsewhere = (source: string, here: Carrier, there: Carrier): WaybillError =>
  new WaybillError(
    'unsupported',
    `${source}: exactly-once holds within one broker, and this is to be sent from ${here.driver.name} to ${there.driver.name}; carry both on one, or ask for at-least-once`,
    { broker: here.driver.name },
  );
