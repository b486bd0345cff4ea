import { connect, queue, stream, topic, type } from '@waybill/core';
import { nats } from '@waybill/adapter-nats';
import { startNatsCluster, waitFor } from '@waybill/testbed';
import { describe, expect, test } from 'vitest';
import { failureOf, place } from './support.ts';

/** Of 2.9.10 a server that was killed may stay behind for ever, so that the next loss is one too many. */
describe('a cluster of three on NATS 2.15', () => {
  test('loses no confirmed message when one server after the other is killed, and every consumer goes on', async () => {
    await using cluster = await startNatsCluster({ line: '2.15', name: 'adapter-cluster' });
    const { name } = place();
    const destinations = {
      orders: queue(`${name}.orders`, { schema: type<number>() }),
      keyed: queue(`${name}.keyed`, {
        schema: type<number>(),
        needs: { order: 'key' },
        key: (value) => `${value % 3}`,
      }),
      news: topic(`${name}.news`, { schema: type<number>() }),
      log: stream(`${name}.log`, { schema: type<number>() }),
    };
    await using bus = await connect(nats({ url: cluster.url, replicas: 3, maxLeaseMs: 3000 }), destinations);
    const [orders, keyed, news]: Set<number>[] = [new Set(), new Set(), new Set()] as never;
    await bus.orders.consume((value) => void orders!.add(value));
    await bus.keyed.consume((value) => void keyed!.add(value));
    await bus.news.subscribe((value) => void news!.add(value), { subscription: 'kept' });
    const confirmed: number[] = [];
    const round = async (from: number): Promise<void> => {
      const values = Array.from({ length: 100 }, (_, index) => from + index);
      await Promise.all([bus.orders.sendMany(values), bus.keyed.sendMany(values), bus.news.publishMany(values)]);
      await bus.log.appendMany(values);
      confirmed.push(...values);
    };
    await round(0);
    for (const [index, node] of cluster.nodes.entries()) {
      await node.kill();
      await round(1000 * (index + 1));
      await node.restart();
    }
    await waitFor(
      'every message',
      () => [orders, keyed, news].every((seen) => confirmed.every((value) => seen!.has(value))) || undefined,
      { timeoutMs: 40_000 },
    );
    const kept: number[] = [];
    for await (const { value } of bus.log.read({ limit: confirmed.length })) kept.push(value);
    expect(kept).toEqual(confirmed);
  }, 120_000);
});

test('a cluster of NATS 2.9 refuses order, because consumers that are gone can hold a queue there for ever', async () => {
  await using cluster = await startNatsCluster({ line: '2.9', name: 'adapter-cluster' });
  const { name } = place();
  const ordered = queue(name, { schema: type<number>(), needs: { order: 'total' } });
  expect(await failureOf(connect(nats({ url: cluster.url, replicas: 3 }), { ordered }))).toMatchObject({
    code: 'unsupported',
    message: expect.stringMatching(/order "total" cannot be met/),
  });
  const plain = queue(name, { schema: type<number>() });
  await using bus = await connect(nats({ url: cluster.url, replicas: 3 }), { plain });
  const seen: number[] = [];
  await bus.plain.consume((value) => void seen.push(value));
  await bus.plain.sendMany([1, 2, 3]);
  await waitFor('all of them', () => seen.length === 3 || undefined);
}, 60_000);
