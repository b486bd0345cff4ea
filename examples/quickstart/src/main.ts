import { connect, deadLettersOf, describePlan, Reject } from '@waybill/core';
import { clicks, orderEvents, orders } from './messages.ts';

const url = process.env['WAYBILL_URL'] ?? 'memory:';
await using bus = await connect(url, { orders, orderEvents, clicks });
console.log(
  `Connected by ${new URL(url).protocol} What was asked for, and how it is met:\n\n${describePlan(bus.plan)}\n`,
);

if (process.argv.includes('--plan')) process.exit(0);

// Every wait below ends when its message came.
const billed = countdown(3);
const mailed = countdown(2);

await using _billing = await bus.orders.consume(
  async (order, delivery) => {
    if (order.total < 0) {
      billed.one();
      throw new Reject('negative total'); // to the dead letters, at once
    }
    if (order.id === 'o2' && delivery.attempt === 1) throw new Error('card terminal is busy'); // tried again
    console.log(`billed  ${order.id} of ${order.customerId}: ${order.total} (attempt ${delivery.attempt})`);
    await bus.orderEvents.publish({ orderId: order.id, what: 'paid' }, { routingKey: 'order.paid' });
    billed.one();
  },
  { concurrency: 8 },
);
await using _mailer = await bus.orderEvents.subscribe(
  (event) => {
    console.log(`mailed  ${event.orderId} ${event.what}`);
    mailed.one();
  },
  { subscription: 'mailer', pattern: 'order.*' },
);

await bus.orders.sendMany([
  { id: 'o1', customerId: 'ada', total: 12 },
  { id: 'o2', customerId: 'ada', total: 30 },
  { id: 'o3', customerId: 'bob', total: -1 },
]);
await Promise.all([billed.done, mailed.done]);

const from = Date.now();
await bus.clicks.appendMany([
  { userId: 'ada', page: '/' },
  { userId: 'ada', page: '/orders' },
]);
for await (const click of bus.clicks.read({ from: { timestamp: from }, limit: 2 })) {
  console.log(`clicked ${click.value.page} (position ${click.position})`);
}

const dead = await bus.attach(deadLettersOf(orders));
await using letters = await dead.receive();
for await (const letter of letters) {
  console.log(`dead    ${letter.id}: ${letter.deadLetter?.error} after ${letter.deadLetter?.attempts} attempt(s)`);
  await letter.accept();
  break;
}

function countdown(count: number): { readonly done: Promise<void>; one(): void } {
  let finish: () => void;
  const done = new Promise<void>((resolve) => (finish = resolve));
  return { done, one: () => void (--count === 0 && finish()) };
}
