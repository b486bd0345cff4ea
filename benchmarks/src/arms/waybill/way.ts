import { connect } from '@waybill/core';
import { type Assignment, numberIn, textIn } from '../shared/measured.ts';
import type { Order } from '../shared/order.ts';
import { log, usual } from './places.ts';

/** A place of Waybill's, as its arms use it. */
interface Way extends AsyncDisposable {
  send(order: Order): Promise<unknown>;
  sendMany(orders: readonly Order[]): Promise<void>;
  consume(handle: (order: Order) => Promise<void>): Promise<void>;
}

/**
 * Settings: `url`, `queue`, `kind` (`queue`; `stream`, consumed by a group; `read`, a stream that is read without one),
 * `prefetch` (messages held, and handlers at once), `window` (sends on their way).
 */
export async function openWay(assignment: Assignment): Promise<Way> {
  const name = textIn(assignment, 'queue');
  // `verify` fails unless the place is as Waybill would have declared it.
  const options = { topology: 'verify', window: numberIn(assignment, 'window') } as const;
  const url = textIn(assignment, 'url');
  const prefetch = numberIn(assignment, 'prefetch');
  const terms = { concurrency: prefetch, maxInFlight: prefetch };
  if (textIn(assignment, 'kind') === 'queue') {
    const bus = await connect(url, { work: usual(name) }, options);
    return {
      send: (order) => bus.work.send(order),
      sendMany: (orders) => bus.work.sendMany(orders),
      consume: async (handle) => void (await bus.work.consume(handle, terms)),
      [Symbol.asyncDispose]: () => bus.close(),
    };
  }
  const bus = await connect(url, { work: log(name) }, options);
  return {
    send: (order) => bus.work.append(order),
    sendMany: (orders) => bus.work.appendMany(orders),
    consume:
      textIn(assignment, 'kind') === 'stream'
        ? async (handle) => void (await bus.work.consume(handle, { ...terms, group: 'bench', window: 10 * prefetch }))
        : async (handle) => void readAll(bus.work.read({ prefetch }), handle),
    [Symbol.asyncDispose]: () => bus.close(),
  };
}

async function readAll(
  records: AsyncIterable<{ readonly value: Order }>,
  handle: (order: Order) => Promise<void>,
): Promise<void> {
  for await (const { value } of records) await handle(value);
}
