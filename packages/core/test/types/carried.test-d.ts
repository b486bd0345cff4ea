import { memory } from '@waybill/in-memory';
import { connect, type Driver, queue, stream, topic, type } from '../../src/index.ts';
import type { Carried } from '../../src/plan/check.ts';
import { type LogDriver, log, type ModestDriver, modest, type Same } from './support.ts';

/** Where a driver cannot carry a destination, the compile error reads as a sentence. */
interface Order {
  readonly customer: string;
}
const schema = type<Order>();
const orders = queue('orders', { schema, needs: { order: 'key' }, key: ({ customer }) => customer });
const inLine = queue('in-line', { schema, needs: { order: 'total' } });
const strict = queue('strict', { schema, needs: { delay: 'native' } });
const later = queue('later', { schema, needs: { delay: true, ttl: true, deadLetter: true } });
const ranked = queue('ranked', { schema, needs: { priority: true } });
const exact = queue('exact', { schema, needs: { delivery: 'exactly-once' } });
const exactly = stream('exactly', { schema, needs: { delivery: 'exactly-once' } });
const news = topic('news', { schema, needs: { pattern: true, filter: true } });
const chosen = topic('chosen', { schema, needs: { pattern: 'native' } });
const clicks = stream('clicks', { schema });
const replayed = stream('replayed', { schema, needs: { seek: 'timestamp' } });
const grouped = stream('grouped', { schema, needs: { group: true } });
const plain = queue<Order>('plain');

void (true satisfies Same<
  Carried<ModestDriver, typeof clicks>,
  'modest has no streams; route this destination to another broker'
>);
void (true satisfies Same<
  Carried<LogDriver, typeof plain>,
  'log has no queues; route this destination to another broker'
>);
void (true satisfies Same<
  Carried<ModestDriver, typeof inLine>,
  'modest cannot give order: "total"; the most it has is "key"'
>);
void (true satisfies Same<
  Carried<ModestDriver, typeof strict>,
  'modest has no native delay; say delay: true to let Waybill do it'
>);
void (true satisfies Same<
  Carried<ModestDriver, typeof chosen>,
  'modest has no native pattern; say pattern: true to let Waybill do it'
>);
void (true satisfies Same<
  Carried<ModestDriver, typeof ranked>,
  'modest has no priority, and Waybill cannot stand in for it'
>);
void (true satisfies Same<
  Carried<ModestDriver, typeof exact>,
  'modest cannot give exactly-once: it stores nothing together with a position; ask for at-least-once and make the handler idempotent'
>);
void (true satisfies Same<
  Carried<LogDriver, typeof replayed>,
  'log cannot give seek: "timestamp"; the most it has is "position"'
>);
void (true satisfies Same<Carried<LogDriver, typeof grouped>, 'log has no group, and Waybill cannot stand in for it'>);

/** What it can carry, itself or by Waybill, is the destination as it is. */
void (true satisfies Same<Carried<ModestDriver, typeof orders>, typeof orders>);
void (true satisfies Same<Carried<ModestDriver, typeof later>, typeof later>);
void (true satisfies Same<Carried<ModestDriver, typeof news>, typeof news>);
void (true satisfies Same<Carried<ModestDriver, typeof plain>, typeof plain>);
void (true satisfies Same<Carried<LogDriver, typeof clicks>, typeof clicks>);

/** A driver chosen at run time is checked at start-up. */
void (true satisfies Same<Carried<Driver, typeof exact>, typeof exact>);
void (true satisfies Same<Carried<string, typeof exact>, typeof exact>);

export async function connecting(some: Driver, url: string): Promise<void> {
  await connect(memory(), { orders, later, ranked, news, clicks, replayed, grouped, exactly });
  await connect(modest, { orders, later, news, plain });
  await connect(log, { clicks });
  await connect(some, { orders, ranked, clicks });
  await connect(url, { orders, ranked, clicks });
  await connect(new URL(url), { orders });
  await connect({ default: modest, routes: { clicks: log } }, { orders, clicks });
  await connect({ default: url }, { orders, clicks });
  // @ts-expect-error modest has no streams; route this destination to another broker
  await connect(modest, { orders, clicks });
  // @ts-expect-error log has no queues; route this destination to another broker
  await connect({ default: modest, routes: { orders: log } }, { orders });
  // @ts-expect-error modest has no priority, and Waybill cannot stand in for it
  await connect({ default: log, routes: { ranked: modest } }, { clicks, ranked });
  // @ts-expect-error memory cannot give exactly-once: its queues have no positions
  await connect(memory(), { exact });
  // @ts-expect-error there is no such option
  await connect(modest, { orders }, { timeout: 5 });
  // @ts-expect-error a broker is a URL or a driver
  await connect(5672, { orders });
}
