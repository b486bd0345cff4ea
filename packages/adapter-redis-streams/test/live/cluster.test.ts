import { connect, queue, stream, topic, type } from '@waybill/core';
import { redisStreams } from '@waybill/adapter-redis-streams';
import type { Lane, Positioned } from '@waybill/core/driver';
import { startRedisCluster, waitFor } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  declare,
  failureOf,
  idsOf,
  message,
  messages,
  newQueue,
  newStream,
  open,
  place,
  queueOf,
  read,
  receive,
  store,
} from './support.ts';

const cluster = await startRedisCluster({ line: '8' });
afterAll(() => cluster[Symbol.asyncDispose]());
const hosts = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`);

describe('a cluster of three', () => {
  test('every kind of place works, wherever its slot is', async () => {
    await using link = await open({ hosts, dedupWindowMs: 1_000, pollMs: 20 });
    expect(link.native.server.isCluster).toBe(true);
    expect(link.capabilities.queue).toMatchObject({ deadLetter: 'none' });
    for (let round = 0; round < 9; round++) {
      const jobs = await newQueue(link);
      await store(link, jobs, [message(`now${round}`), message(`later${round}`, { delayMs: 40 })]);
      const taker = await consume(link, jobs);
      const found = await taker.take(2);
      expect(idsOf(found)).toEqual([`now${round}`, `later${round}`]);
      await taker.settle({ outcome: 'release', delayMs: 30, failed: true }, found[0]!);
      await taker.settle(accept, found[1]!);
      await taker.settle(accept, ...(await taker.take(1)));
      expect(await link.admin!.depth(jobs)).toEqual({ ready: 0, inFlight: 0, delayed: 0 });
    }
  });

  test('a topic keeps its keys together; a stream of one partition is read where it is', async () => {
    await using link = await open({ hosts });
    const news = place();
    await declare(link, { kind: 'topic', ...news }, { kind: 'subscription', ...place(), name: 's', topic: news.name });
    const lasting = await consume(link, { kind: 'topic', ...news, subscription: 's' });
    const passing = await consume(link, { kind: 'topic', ...news });
    await store(link, { kind: 'topic', ...news }, messages(3));
    for (const taker of [lasting, passing]) expect(idsOf(await taker.take(3))).toEqual(['m0', 'm1', 'm2']);
    const single = await newStream(link);
    await store(link, single, messages(2));
    expect(
      idsOf(await (await read(link, { ...single, from: 'earliest' })).pull(2, AbortSignal.timeout(5_000))),
    ).toEqual(['m0', 'm1']);
  });

  test('partitions spread over the nodes, and are one stream', async () => {
    await using link = await open({ hosts, dedupWindowMs: 60_000 });
    const log = await newStream(link, { partitions: 32 });
    const batch = messages(64).map((one, at) => ({ ...one, ...(at % 2 === 0 && { key: one.id }) }));
    await store(link, log, batch);
    // Without a key too, what is sent again meets what is remembered of it.
    await store(link, log, batch);
    const source = { ...log, from: 'earliest' } as const;
    expect((await link.admin!.depth(source)).ready).toBe(64);
    const keysOf = async (): Promise<number[]> => {
      const found = cluster.nodes.map((node) => node.control('KEYS', `waybill:partition:{*/${log.name}}`));
      return (await Promise.all(found)).map((keys) => keys.trim().split('\n').filter(Boolean).length);
    };
    const counts = await keysOf();
    expect(counts.reduce((sum, one) => sum + one, 0)).toBe(32);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    const receiver = await receive(link, 'position', source);
    const lanes = await new Promise<readonly Lane<Positioned>[]>((resolve) =>
      receiver.start({ granted: resolve, revoking: async () => {}, ended: () => {} }),
    );
    const pulled = await Promise.all(lanes.map((lane) => lane.pull(99, AbortSignal.timeout(500))));
    expect(new Set(idsOf(pulled.flat()))).toEqual(new Set(idsOf(batch)));
    await receiver.close();
    await link.admin!.remove!({ ...log, partitions: 32 });
    expect(await keysOf()).toEqual([0, 0, 0]);
  });

  test('an application goes on when a node is killed and comes back, and loses nothing', async () => {
    const names = Array.from({ length: 6 }, () => place().name);
    const destinations = Object.fromEntries(names.map((name) => [name, queue(name, { schema: type<number>() })]));
    const bus = await connect(redisStreams({ hosts, heartbeatMs: 1_000 }), destinations, { observe: () => {} });
    try {
      const seen = new Set<string>();
      for (const name of names) await bus[name]!.consume((n) => void seen.add(`${name} ${n}`));
      await Promise.all(names.map((name) => bus[name]!.sendMany([1, 2, 3])));
      const [, second] = cluster.nodes;
      await second!.kill();
      await second!.restart();
      await waitFor('the cluster', async () => {
        const states = await Promise.all(cluster.nodes.map((node) => node.control('CLUSTER', 'INFO')));
        return states.every((state) => state.includes('cluster_state:ok')) || undefined;
      });
      await Promise.all(names.map((name) => bus[name]!.sendMany([4, 5, 6])));
      await waitFor('all of it', () => (seen.size === 36 ? true : undefined));
      expect(names.map((name) => [1, 2, 3, 4, 5, 6].every((n) => seen.has(`${name} ${n}`)))).not.toContain(false);
    } finally {
      await bus.close();
    }
  });

  test('a slot that has moved: the link ends, and the next one finds it', async () => {
    await using link = await open({ hosts });
    const jobs = await newQueue(link);
    await store(link, jobs, [message('before')]);
    const key = `waybill:queue:{${jobs.name}}`;
    const slot = Number(await cluster.nodes[0]!.control('CLUSTER', 'KEYSLOT', key));
    await moveSlot(slot);
    expect((await link.send(jobs, [message('refused')])).unsent).toMatchObject([{ outcome: 'rejected' }]);
    expect(String(await link.closed)).toMatch(/MOVED/);
    await using next = await open({ hosts });
    await store(next, jobs, [message('after')]);
    expect(idsOf(await (await consume(next, jobs)).take(2))).toEqual(['before', 'after']);
  });

  test('a stream with a group and a queue with dead letters elsewhere', async () => {
    const log = stream(place().name, { schema: type<number>(), partitions: 2 });
    const news = topic(place().name, { schema: type<number>() });
    const bus = await connect(redisStreams({ hosts }), { log, news }, { observe: () => {} });
    try {
      const seen = new Set<number>();
      await bus.log.consume((n) => void seen.add(n), { group: 'g' });
      await bus.log.appendMany([1, 2, 3, 4]);
      await waitFor('four', () => (seen.size === 4 ? true : undefined));
    } finally {
      await bus.close();
    }
    await using link = await open({ hosts });
    const where = place();
    await declare(link, queueOf(where, { deadLetter: place().name }));
    expect(await failureOf(link.admin!.depth({ kind: 'queue', ...where }))).toBe('it did not fail');
  });
});

/** With everything in it, to another node. */
async function moveSlot(slot: number): Promise<void> {
  const owners = await Promise.all(
    cluster.nodes.map(async (node) => {
      const id = (await node.control('CLUSTER', 'MYID')).trim();
      const keys = (await node.control('CLUSTER', 'COUNTKEYSINSLOT', String(slot))).trim();
      return { node, id, isOwner: Number(keys) > 0 };
    }),
  );
  const from = owners.find(({ isOwner }) => isOwner)!;
  const to = owners.find(({ isOwner }) => !isOwner)!;
  await to.node.control('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', from.id);
  await from.node.control('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', to.id);
  const keys = (await from.node.control('CLUSTER', 'GETKEYSINSLOT', String(slot), '100')).trim().split('\n');
  await from.node.control('MIGRATE', '127.0.0.1', String(to.node.port), '', '0', '5000', 'KEYS', ...keys);
  for (const { node } of owners) await node.control('CLUSTER', 'SETSLOT', String(slot), 'NODE', to.id);
}
