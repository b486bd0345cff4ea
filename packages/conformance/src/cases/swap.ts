import { deadLettersOf, queue, Reject, stream, topic, type } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { caseOf } from './define.ts';
import { atOnce, Provoked } from './destinations.ts';
import { readAll } from './take.ts';

interface Order {
  readonly number: number;
  readonly customer: string;
}

/** What the program below leaves behind, on any broker. Written down, not computed. */
const transcript = {
  handled: ['1 anna 1', '2 ben 1', '2 ben 2', '4 dora 1'],
  confirmed: ['1 anna', '2 ben', '4 dora'],
  audited: ['1 anna', '2 ben', '4 dora'],
  dead: ['3 carl: Reject: not our customer'],
  book: ['ordered 1', 'ordered 2', 'ordered 3', 'ordered 4'],
  replayed: ['ordered 3', 'ordered 4'],
};

/** N10: one application, every broker, one observable result. */
export const swap: readonly Case[] = [
  caseOf({
    requires: {
      kind: 'queue',
      able: ({ capabilities: { topic, stream } }) =>
        topic === 'none' || stream === 'none'
          ? 'this broker lacks topics or streams, and N03 proves that it says so'
          : undefined,
    },
  })({
    id: 'N10',
    title: 'one application with a queue, a topic and a stream leaves the same behind on every broker',
    run: application,
  }),
];

async function application(context: Context): Promise<void> {
  const orders = queue(context.name('orders'), {
    schema: type<Order>(),
    key: ({ customer }) => customer,
    retry: atOnce,
  });
  const confirmed = topic(context.name('confirmed'), { schema: type<Order>(), retry: atOnce });
  const book = stream(context.name('book'), { schema: type<string>(), key: () => 'book' });
  const bus = await context.connect({ orders, confirmed, book });
  const seen = { handled: [] as string[], confirmed: [] as string[], audited: [] as string[], dead: [] as string[] };
  await bus.confirmed.subscribe(({ number, customer }) => void seen.confirmed.push(`${number} ${customer}`), {
    subscription: 'shop',
  });
  await bus.confirmed.subscribe(({ number, customer }) => void seen.audited.push(`${number} ${customer}`));
  await bus.orders.consume(async (order, { attempt }) => {
    context.saw(1);
    if (order.customer === 'carl') throw new Reject('not our customer');
    seen.handled.push(`${order.number} ${order.customer} ${attempt}`);
    if (order.customer === 'ben' && attempt === 1) throw new Provoked();
    await bus.confirmed.publish(order);
  });
  const customers = ['anna', 'ben', 'carl', 'dora'];
  for (const [index, customer] of customers.entries()) {
    await bus.book.append(`ordered ${index + 1}`);
    await bus.orders.send({ number: index + 1, customer });
  }
  const dead = await bus.attach(deadLettersOf(orders));
  await dead.consume(
    (value, { deadLetter }) =>
      void seen.dead.push(`${(value as Order).number} ${(value as Order).customer}: ${deadLetter?.error}`),
  );
  await context.until(
    'the whole transcript',
    () => seen.audited.length >= 3 && seen.confirmed.length >= 3 && seen.dead.length > 0,
  );
  const reader = bus.book.read({ limit: 2 });
  const first = await readAll(context, reader);
  const rest = await readAll(
    context,
    bus.book.read({ from: { after: reader.positions, otherwise: 'earliest' }, limit: 2 }),
  );
  await context.quiet();
  for (const list of Object.values(seen)) list.sort();
  context.expect.deepEqual(
    { ...seen, book: [...first, ...rest].map(({ value }) => value), replayed: rest.map(({ value }) => value) },
    transcript,
    'what the application left behind',
  );
}
