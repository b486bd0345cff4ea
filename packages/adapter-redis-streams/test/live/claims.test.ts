import { redisLines, startRedis, waitFor } from '@waybill/testbed';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  declare,
  failed,
  idsOf,
  message,
  messages,
  newQueue,
  open,
  place,
  queueOf,
  store,
} from './support.ts';

describe.each(redisLines)('claims on %s', async (line) => {
  const server = await startRedis({ line });
  afterAll(() => server[Symbol.asyncDispose]());
  const streamOf = (name: string): string => `waybill:queue:{${name}}`;
  const pendingOf = async (name: string): Promise<number> =>
    Number((await server.control('XPENDING', streamOf(name), 'waybill')).trim().split('\n')[0]);

  test('a live consumer with a longer lease keeps it from one with a shorter lease', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const queue = await newQueue(link);
    const slow = await consume(link, queue, { leaseMs: 3_000 });
    await store(link, queue, [message('held')]);
    const [held] = await slow.take(1);
    const hasty = await consume(link, queue, { leaseMs: 200 });
    expect(await hasty.takeWithin(1_000)).toEqual([]);
    await slow.settle(accept, held!);
    expect(await pendingOf(queue.name)).toBe(0);
  });

  test('a settlement after a claim is lost and leaves the message to its new holder', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const queue = await newQueue(link);
    const first = await consume(link, queue, { leaseMs: 300 });
    await store(link, queue, messages(2));
    const held = await first.take(2);
    const second = await consume(link, queue, { leaseMs: 300 });
    const claimed = await second.take(2);
    expect(idsOf(claimed)).toEqual(['m0', 'm1']);
    expect(claimed.map(({ attempt, redelivered }) => `${attempt} ${redelivered}`)).toEqual(['2 true', '2 true']);
    expect(await first.settled(accept, ...held)).toEqual(['0 lost', '1 lost']);
    expect(await first.settled(failed, held[0]!)).toEqual(['0 lost']);
    expect(await first.receiver.extend(held.map(({ receipt }) => receipt))).toHaveLength(2);
    expect(await pendingOf(queue.name)).toBe(2);
    await second.settle(accept, ...claimed);
    expect((await link.admin!.depth(queue)).ready).toBe(0);
  });

  test('its own expired delivery is another one: the old receipt settles nothing', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const queue = await newQueue(link);
    const taker = await consume(link, queue, { leaseMs: 200 });
    await store(link, queue, [message('twice')]);
    const [old] = await taker.take(1);
    const [again] = await taker.take(1);
    expect(again!.attempt).toBe(2);
    expect(await taker.settled(accept, old!)).toEqual(['0 lost']);
    await taker.settle(accept, again!);
  });

  test('what a consumer held whose connections were cut is taken over long before its lease ends', async () => {
    await using gone = await open(server.url);
    const queue = await newQueue(gone);
    const holder = await consume(gone, queue, { leaseMs: 60_000 });
    await store(gone, queue, messages(3));
    await holder.take(3);
    const cutAt = performance.now();
    await server.control('CLIENT', 'KILL', 'TYPE', 'normal');
    await gone.closed;
    await using link = await open(server.url);
    const found = await (await consume(link, queue)).take(3);
    expect(new Set(idsOf(found))).toEqual(new Set(['m0', 'm1', 'm2']));
    expect(performance.now() - cutAt).toBeLessThan(8_000);
  });

  test('a consumer that does not name its connection is judged by idle time alone', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const queue = await newQueue(link);
    await store(link, queue, [message('foreign')]);
    const raw = new Redis(server.url);
    try {
      await raw.xreadgroup('GROUP', 'waybill', 'somebody', 'COUNT', 1, 'STREAMS', streamOf(queue.name), '>');
      const taker = await consume(link, queue, { leaseMs: 700 });
      const startedAt = performance.now();
      const [claimed] = await taker.take(1);
      expect(claimed!.attempt).toBe(2);
      expect(performance.now() - startedAt).toBeGreaterThan(500);
    } finally {
      raw.disconnect();
    }
  });

  test('consumers that end leave no names behind, and what they held comes at once and uncounted', async () => {
    await using link = await open(server.url);
    const queue = await newQueue(link);
    const holder = await consume(link, queue);
    await store(link, queue, messages(5));
    await holder.take(5);
    await holder.receiver.close();
    const taker = await consume(link, queue);
    const found = await taker.take(5);
    expect(found.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);
    await taker.settle(accept, ...found);
    await taker.receiver.close();
    const names = await waitFor('no consumers', async () => {
      const text = await server.control('XINFO', 'CONSUMERS', streamOf(queue.name), 'waybill');
      return text.trim() === '' ? 'none' : undefined;
    });
    expect(names).toBe('none');
  });

  test('failed runs count over claims, delays and returns', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const queue = await newQueue(link);
    const taker = await consume(link, queue, { leaseMs: 300 });
    await store(link, queue, [message('counted')]);
    const [first] = await taker.take(1);
    await taker.settle({ outcome: 'release', delayMs: 50, failed: true }, first!);
    const [second] = await taker.take(1);
    const [third] = await taker.take(1);
    await taker.settle({ outcome: 'release', delayMs: 0, failed: false }, third!);
    const [fourth] = await taker.take(1);
    expect([first, second, third, fourth].map((one) => one!.attempt)).toEqual([1, 2, 3, 3]);
  });

  test('rejected with a dead-letter queue: one step, with the cause; without the queue it stays', async () => {
    await using link = await open(server.url);
    const dead = await newQueue(link);
    const where = place();
    await declare(link, queueOf(where, { deadLetter: dead.name }));
    const queue = { kind: 'queue', ...where } as const;
    const taker = await consume(link, queue);
    await store(link, queue, messages(2));
    const [one, two] = await taker.take(2);
    await taker.settle({ outcome: 'reject', reason: 'no good' }, one!);
    const [letter] = await (await consume(link, dead)).take(1);
    expect(letter!.id).toBe('m0');
    expect(letter!.headers).toMatchObject({ 'waybill-dead-reason': 'no good', 'waybill-dead-from': queue.name });
    await link.admin!.remove!(queueOf(dead));
    expect(await taker.settled({ outcome: 'reject', reason: 'again' }, two!)).toEqual(['0 failed']);
    expect(await pendingOf(queue.name)).toBe(1);
  });

  test('equal messages that wait for the same time stay two', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const queue = await newQueue(link);
    const twin = message('twin', { delayMs: 300 });
    await store(link, queue, [twin, twin]);
    expect((await link.admin!.depth(queue)).delayed).toBe(2);
    expect(idsOf(await (await consume(link, queue)).take(2))).toEqual(['twin', 'twin']);
  });

  test('a full server: what cannot be stored is refused, what is given back stays, and all goes on with room', async () => {
    const blocked: (string | undefined)[] = [];
    await using link = await open(server.url, (reason) => blocked.push(reason));
    const queue = await newQueue(link);
    const taker = await consume(link, queue);
    await store(link, queue, [message('kept')]);
    const [kept] = await taker.take(1);
    await server.control('CONFIG', 'SET', 'maxmemory', '1');
    try {
      const { unsent } = await link.send(queue, messages(2));
      expect(unsent.map(({ outcome }) => outcome)).toEqual(['rejected', 'rejected']);
      expect(await taker.settled(failed, kept!)).toEqual(['0 failed']);
    } finally {
      await server.control('CONFIG', 'SET', 'maxmemory', '0');
    }
    await waitFor('room again', () => (blocked.length === 2 ? blocked : undefined));
    expect(blocked[0]).toMatch(/^OOM/);
    expect(blocked[1]).toBeUndefined();
    await taker.settle(failed, kept!);
    expect((await taker.take(1))[0]!.attempt).toBe(2);
  });
});
