import { Redis } from 'ioredis';
import { makeOrders, type Order } from '../arms/shared/order.ts';
import { type ClientGround, sequenceOf, type Store } from './client-ground.ts';

const chunk = 2_000;

/** The harness's own connection to a Redis that nobody else uses. */
export function openRedisGround(url: string): ClientGround & { close(): Promise<unknown> } {
  const client = new Redis(url);
  const raw: Store = {
    async fill(stream, count) {
      await client.xgroup('CREATE', stream, 'bench', '0', 'MKSTREAM');
      for (let first = 0; first < count; first += chunk) {
        const pipeline = client.pipeline();
        for (const order of makeOrders(first, Math.min(chunk, count - first)))
          pipeline.xadd(
            stream,
            '*',
            'body',
            JSON.stringify(order),
            'id',
            `${first}`,
            'type',
            'application/json',
            'at',
            '0',
          );
        await pipeline.exec();
      }
    },
    drain: (stream, expected) =>
      sequenceOf(expected, async (handle) => {
        for (let from = '-', size = chunk; size === chunk;) {
          const entries = await client.xrange(stream, from, '+', 'COUNT', chunk);
          for (const [id, [, body = '']] of entries) {
            handle(JSON.parse(body) as Order);
            from = `(${id}`;
          }
          size = entries.length;
        }
      }),
  };
  return { url, raw: () => raw, clear: async () => void (await client.flushall()), close: () => client.quit() };
}
