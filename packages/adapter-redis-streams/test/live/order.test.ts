import type { Declaration, Place } from '@waybill/core/driver';
import { redisLines, startRedis } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  declare,
  failed,
  idsOf,
  message,
  messages,
  open,
  place,
  queueOf,
  type RedisLink,
  store,
} from './support.ts';

describe.each(redisLines)('ordered queues on %s', async (line) => {
  const server = await startRedis({ line });
  afterAll(() => server[Symbol.asyncDispose]());
  const newOrdered = async (link: RedisLink): Promise<{ readonly kind: 'queue' } & Place> => {
    const where = place({ order: 'total' });
    await declare(link, queueOf(where));
    return { kind: 'queue', ...where };
  };

  test('one consumer owns the queue; when it leaves, the next goes on in order and nothing is counted', async () => {
    await using link = await open({ url: server.url, pollMs: 50 });
    const jobs = await newOrdered(link);
    await store(link, jobs, messages(6));
    const first = await consume(link, jobs);
    const held = await first.take(4);
    const second = await consume(link, jobs);
    expect(await second.takeWithin(300)).toEqual([]);
    await first.settle(accept, held[0]!, held[2]!);
    await first.receiver.close();
    const rest = await second.take(4);
    expect(rest.map(({ id, attempt }) => `${id} ${attempt}`)).toEqual(['m1 1', 'm3 1', 'm4 1', 'm5 1']);
    await second.settle(accept, ...rest);
    expect(await link.admin!.depth(jobs)).toEqual({ ready: 0, inFlight: 0, delayed: 0 });
  });

  test('what is given back keeps its place', async () => {
    await using link = await open({ url: server.url, pollMs: 50 });
    const jobs = await newOrdered(link);
    await store(link, jobs, messages(2));
    const taker = await consume(link, jobs);
    const [head] = await taker.take(1);
    await taker.settle(failed, head!);
    const again = await taker.take(2);
    expect(again.map(({ id, attempt }) => `${id} ${attempt}`)).toEqual(['m0 2', 'm1 1']);
  });

  test('an owner whose lease ended settles nothing any more, and says so', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const jobs = await newOrdered(link);
    await store(link, jobs, messages(3));
    const former = await consume(link, jobs, { leaseMs: 300 });
    const held = await former.take(2);
    const next = await consume(link, jobs, { leaseMs: 5_000 });
    expect(idsOf(await next.take(3))).toEqual(['m0', 'm1', 'm2']);
    expect(await former.settled(accept, ...held)).toEqual(['0 lost', '1 lost']);
    await expect(former.lane.pull(1, AbortSignal.timeout(5_000))).rejects.toMatchObject({ code: 'lease-lost' });
  });

  test('an owner whose connection was cut is followed by the next, long before its lease ends', async () => {
    await using gone = await open(server.url);
    const jobs = await newOrdered(gone);
    await store(gone, jobs, messages(2));
    const owner = await consume(gone, jobs, { leaseMs: 60_000 });
    await owner.take(1);
    await server.control('CLIENT', 'KILL', 'TYPE', 'normal');
    await gone.closed;
    await using link = await open(server.url);
    const found = await (await consume(link, jobs, { leaseMs: 60_000 })).take(2);
    expect(found.map(({ id, attempt }) => `${id} ${attempt}`)).toEqual(['m0 2', 'm1 1']);
  });

  test('declared once with and once without order is a mismatch; delay and order exclude each other', async () => {
    await using link = await open(server.url);
    const jobs = await newOrdered(link);
    const shared: Declaration = queueOf({ name: jobs.name, order: 'none' });
    for (const mode of ['create', 'verify'] as const)
      expect(await link.declare!([shared], mode)).toMatchObject([
        { property: 'order', wanted: 'none', found: 'ordered' },
      ]);
    expect(link.capabilities.queue).toMatchObject({ order: 'total', excludes: [['order', 'delay']] });
    await store(link, jobs, [message('still there')]);
  });
});
