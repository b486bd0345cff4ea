import { memory } from '@waybill/in-memory';
import { connect, type Middleware, queue, type Schema, skip, stream, topic, type } from '../../src/index.ts';

/** Mistakes that do not compile, and what is asked for. */
interface Order {
  readonly id: string;
}
const schema = type<Order>();
declare const library: Schema<{ readonly id: string }, { readonly id: string; readonly at: Date }>;

queue('fine', { schema, needs: { order: 'key' }, key: ({ id }) => id });
queue('fine', { schema: library, needs: { order: 'key' }, key: ({ id }) => id });
queue('fine', { schema, needs: { order: 'total' } });
topic('fine', { schema, needs: { order: 'key', pattern: 'native' }, key: ({ id }) => id });
stream('fine', { schema, needs: { order: 'key', seek: 'ends' }, key: ({ id }) => id, partitions: 3 });

// @ts-expect-error order: 'key' is nothing without a key
queue('keyless', { schema, needs: { order: 'key' } });
// @ts-expect-error order: 'key' is nothing without a key
topic('keyless', { schema, needs: { order: 'key' } });
// @ts-expect-error order: 'key' is nothing without a key
stream('keyless', { schema, needs: { order: 'key' } });
// @ts-expect-error a key is text
queue('number', { schema, key: () => 5 });
// @ts-expect-error a key is taken from the value
queue('other', { schema, key: (value: { readonly customer: string }) => value.customer });
// @ts-expect-error needs are inferred, which a given type argument would switch off
queue<Order>('given', { schema, needs: { order: 'total' } });
// @ts-expect-error options need a schema, type<T>() at least
queue('bare', { retry: { attempts: 3 } });
// @ts-expect-error a typo
queue('typo', { schema, needs: { ordr: 'key' } });
// @ts-expect-error an unknown word
queue('word', { schema, needs: { order: 'strict' } });
// @ts-expect-error needs are asked for, not switched off
queue('off', { schema, needs: { delay: false } });
// @ts-expect-error queues have no patterns
queue('pattern', { schema, needs: { pattern: true } });
// @ts-expect-error streams have no delays
stream('delay', { schema, needs: { delay: true } });
// @ts-expect-error queues have no partitions
queue('partitions', { schema, partitions: 3 });
// @ts-expect-error a schema is a Standard Schema
queue('schema', { schema: {} });

/** What was not asked for in `needs` cannot be used. */
export async function unasked(): Promise<void> {
  const plain = queue('plain', { schema });
  const later = queue('later', { schema, needs: { delay: true, ttl: 'native', priority: true } });
  const news = topic('news', { schema });
  const chosen = topic('chosen', { schema, needs: { pattern: true, filter: true } });
  const log = stream('log', { schema });
  const bus = await connect(memory(), { plain, later, news, chosen, log });
  await bus.later.send({ id: '1' }, { delayMs: 1, ttlMs: 1, priority: 1 });
  await bus.chosen.subscribe(() => {}, { pattern: 'a.*', headers: { a: 'b' } });
  // @ts-expect-error add needs: { delay: true } to this destination first
  await bus.plain.send({ id: '1' }, { delayMs: 1 });
  // @ts-expect-error add needs: { ttl: true } to this destination first
  await bus.plain.send({ id: '1' }, { ttlMs: 1 });
  // @ts-expect-error add needs: { priority: true } to this destination first
  await bus.plain.sendMany([], { priority: 1 });
  // @ts-expect-error add needs: { pattern: true } to this destination first
  await bus.news.subscribe(() => {}, { pattern: 'a.*' });
  // @ts-expect-error add needs: { filter: true } to this destination first
  await bus.news.subscribe(() => {}, { headers: { a: 'b' } });
  // @ts-expect-error add needs: { delay: true } to this destination first
  await bus.log.append({ id: '1' }, { delayMs: 1 });
  // @ts-expect-error one id for many messages is a mistake
  await bus.plain.sendMany([{ id: '1' }], { id: 'one' });
  // @ts-expect-error headers are strings
  await bus.plain.send({ id: '1' }, { headers: { retries: 5 } });
  // @ts-expect-error queues have no routing keys
  await bus.plain.send({ id: '1' }, { routingKey: 'a' });
}

/** A middleware that forgets to pass on does not compile. */
export const passing: Middleware = async (_, next) => {
  const passed = await next();
  return passed;
};
export const answering: Middleware = ({ attempt }, next) => (attempt > 3 ? Promise.resolve(skip) : next());
// @ts-expect-error forgets to return next()
export const forgetful: Middleware = async (_, next) => {
  await next();
};
// @ts-expect-error forgets next altogether
export const silent: Middleware = async () => {};
// @ts-expect-error returns what is no proof
export const inventive: Middleware = async () => true;
