import { memory } from '@waybill/in-memory';
import {
  type Bus,
  connect,
  deadLettersOf,
  type Delivery,
  type Handle,
  type Queue,
  queue,
  type QueueHandle,
  type Schema,
  stream,
  type StreamHandle,
  type StreamRecord,
  topic,
  type TopicHandle,
  type,
} from '../../src/index.ts';
import { type Same } from './support.ts';

/** What a handle takes and gives follows from the destination. */
interface Order {
  readonly id: string;
  readonly total: number;
}
declare const dated: Schema<{ readonly at: string }, { readonly at: Date }>;

const orders = queue('orders', { schema: type<Order>(), needs: { order: 'key', delay: true }, key: ({ id }) => id });
const parsed = queue('parsed', { schema: dated });
const bare = queue('bare');
const plain = queue<Order>('plain');
const news = topic('news', { schema: type<string>(), needs: { pattern: true } });
const log = stream('log', { schema: dated, needs: { seek: 'timestamp', group: true } });

void (true satisfies Same<
  Handle<typeof orders>,
  QueueHandle<Order, Order, { readonly order: 'key'; readonly delay: true }>
>);
void (true satisfies Same<Handle<typeof parsed>, QueueHandle<{ readonly at: string }, { readonly at: Date }>>);
void (true satisfies Same<Handle<typeof bare>, QueueHandle>);
void (true satisfies Same<Handle<typeof plain>, QueueHandle<Order>>);
void (true satisfies Same<Handle<typeof news>, TopicHandle<string, string, { readonly pattern: true }>>);
void (true satisfies Same<
  Handle<typeof log>,
  StreamHandle<{ readonly at: string }, { readonly at: Date }, { readonly seek: 'timestamp'; readonly group: true }>
>);
void (true satisfies Same<ReturnType<typeof deadLettersOf>, Queue<unknown, unknown>>);

export async function using(): Promise<void> {
  await using bus = await connect(memory(), { orders, parsed, plain, news, log });
  void (true satisfies Same<
    typeof bus,
    Bus<{ orders: typeof orders; parsed: typeof parsed; plain: typeof plain; news: typeof news; log: typeof log }>
  >);
  await bus.orders.send({ id: '1', total: 1 });
  await bus.orders.sendMany([{ id: '1', total: 1 }]);
  await bus.parsed.send({ at: 'now' });
  await bus.orders.consume((order, delivery) => {
    void (true satisfies Same<typeof order, Order>);
    void (true satisfies Same<typeof delivery, Delivery<Order>>);
  });
  await bus.parsed.consume(({ at }) => at.getTime());
  await bus.orders.consumeBatch((values, deliveries) => {
    void (true satisfies Same<typeof values, readonly Order[]>);
    void (true satisfies Same<typeof deliveries, readonly Delivery<Order>[]>);
  });
  for await (const delivery of await bus.parsed.receive())
    void (true satisfies Same<typeof delivery, Delivery<{ readonly at: Date }>>);
  for await (const record of bus.log.read())
    void (true satisfies Same<typeof record, StreamRecord<{ readonly at: Date }>>);
  const position = await bus.log.append({ at: 'now' });
  void (true satisfies Same<typeof position, string | undefined>);
  const late = await bus.attach(queue<Order>('late'));
  void (true satisfies Same<typeof late, QueueHandle<Order>>);
  const letters = await bus.attach(deadLettersOf(orders));
  await letters.consume((value) => void (true satisfies Same<typeof value, unknown>));

  // @ts-expect-error the value must be an order
  await bus.orders.send({ id: 1 });
  // @ts-expect-error sendMany takes a list
  await bus.orders.sendMany({ id: '1', total: 1 });
  // @ts-expect-error what comes out of the schema is not what goes in
  await bus.parsed.send({ at: new Date() });
  // @ts-expect-error a handler takes what the schema gives
  await bus.parsed.consume((value: { readonly at: string }) => value);
  // @ts-expect-error there is no such destination
  void bus.order;
  // @ts-expect-error topics are published to
  void bus.news.send;
  // @ts-expect-error a stream is consumed in a group
  await bus.log.consume(() => {});
  // @ts-expect-error queues have no groups
  await bus.orders.consume(() => {}, { group: 'g' });
  // @ts-expect-error handlers are functions
  await bus.orders.consume({ handle() {} });
}

/** A function of one's own over any handle of a kind. */
export const sendAll = async <T>(handle: QueueHandle<T>, values: readonly T[]): Promise<void> => {
  for (const value of values) await handle.send(value);
};
