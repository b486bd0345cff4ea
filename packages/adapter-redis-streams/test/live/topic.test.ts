import { redisLines, startRedis, waitFor } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import { consume, declare, failed, idsOf, message, messages, open, place, type RedisLink, store } from './support.ts';

describe.each(redisLines)('topics on %s', async (line) => {
  const server = await startRedis({ line });
  afterAll(() => server[Symbol.asyncDispose]());

  const newTopic = async (link: RedisLink, ...subscriptions: readonly string[]) => {
    const where = place();
    await declare(link, { kind: 'topic', ...where });
    for (const name of subscriptions) await declare(link, { ...where, kind: 'subscription', name, topic: where.name });
    return { kind: 'topic', ...where } as const;
  };

  test('a retry of one subscription is none of the business of the others', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const news = await newTopic(link, 'one', 'two');
    await store(link, news, [message('m')]);
    const one = await consume(link, { ...news, subscription: 'one' });
    const two = await consume(link, { ...news, subscription: 'two' });
    const [first] = await one.take(1);
    await one.settle({ outcome: 'release', delayMs: 50, failed: true }, first!);
    const [again] = await one.take(1);
    expect(again!.attempt).toBe(2);
    expect((await two.takeWithin(300)).map(({ attempt }) => attempt)).toEqual([1]);
  });

  test('a delayed message waits in each subscription by itself', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const news = await newTopic(link, 'one', 'two');
    await store(link, news, [message('m', { delayMs: 100 })]);
    for (const subscription of ['one', 'two'])
      expect(idsOf(await (await consume(link, { ...news, subscription })).take(1))).toEqual(['m']);
  });

  test('a subscription without a name leaves nothing behind, also when it could not say goodbye', async () => {
    await using link = await open(server.url);
    const news = await newTopic(link);
    const key = `waybill:topic:{${news.name}}`;
    const fields = async (): Promise<string[]> => (await server.control('HKEYS', key)).trim().split('\n');
    const polite = await consume(link, news);
    await polite.receiver.close();
    expect(await fields()).toEqual(['topic']);
    {
      await using other = await open(server.url);
      await consume(other, news);
      await server.control('CLIENT', 'KILL', 'TYPE', 'normal');
      await other.closed;
    }
    const [, live] = await fields();
    expect(live).toMatch(/^live:/);
    expect(Number(await server.control('PTTL', `${key}:${live}`))).toBeGreaterThan(0);
    await server.control('DEL', `${key}:${live}`);
    await using next = await open(server.url);
    await store(next, news, [message('nobody there')]);
    expect(await fields()).toEqual(['topic']);
  });

  test('a busy subscription without a name keeps its keys while it extends', async () => {
    await using link = await open(server.url);
    const news = await newTopic(link);
    const taker = await consume(link, news);
    await store(link, news, [message('slow')]);
    const [slow] = await taker.take(1);
    const [, live] = (await server.control('HKEYS', `waybill:topic:{${news.name}}`)).trim().split('\n');
    const stream = `waybill:topic:{${news.name}}:${live}`;
    await server.control('PEXPIRE', stream, '5000');
    await taker.receiver.extend([slow!.receipt]);
    expect(Number(await server.control('PTTL', stream))).toBeGreaterThan(50_000);
  });

  test('redis-cli publishes by adding to each subscription', async () => {
    await using link = await open(server.url);
    const news = await newTopic(link, 'mail');
    await server.control('XADD', `waybill:topic:{${news.name}}:durable:mail`, '*', 'body', '"hello"');
    const [one] = await (await consume(link, { ...news, subscription: 'mail' })).take(1);
    expect(Buffer.from(one!.body!).toString()).toBe('"hello"');
  });

  test('a topic that was not declared is said to be missing; a subscription that was removed gets nothing', async () => {
    await using link = await open(server.url);
    const { unsent } = await link.send({ kind: 'topic', ...place() }, [message('lost')]);
    expect(unsent).toMatchObject([{ outcome: 'rejected', error: { message: expect.stringMatching(/^NOPLACE/) } }]);
    expect(JSON.stringify(unsent)).not.toContain('waybill-id');
    const news = await newTopic(link, 'gone');
    await link.admin!.remove!({ ...news, kind: 'subscription', name: 'gone', topic: news.name });
    await store(link, news, [message('to nobody')]);
    expect(await server.control('EXISTS', `waybill:topic:{${news.name}}:durable:gone`)).toMatch(/^0/);
  });
});

describe('what waits', () => {
  test('is neither lost nor doubled when the server is killed while it is moved, again and again', async () => {
    await using server = await startRedis({ line: '8' });
    const name = place().name;
    const count = 3_000;
    {
      await using link = await open(server.url);
      await declare(link, { kind: 'queue', ...place(), name, priority: false, ttl: false, delay: true });
      for (let from = 0; from < count; from += 500)
        await store(
          link,
          { kind: 'queue', name, order: 'none' },
          messages(500, { delayMs: 400 }).map((one, at) => ({ ...one, id: `${from + at}` })),
        );
    }
    const stream = `waybill:queue:{${name}}`;
    let moved = 0;
    for (let kill = 0; kill < 5; kill++) {
      const link = await open({ url: server.url, pollMs: 10 });
      const taker = await consume(link, { kind: 'queue', name, order: 'none' });
      const pulling = taker.takeWithin(10_000).catch(() => []);
      moved = await waitFor('more to be moved', async () => {
        const now = Number(await server.control('XLEN', stream));
        return now > moved || now === count ? now : undefined;
      });
      await server.kill();
      await Promise.all([pulling, link.close()]);
      await server.restart();
    }
    await using link = await open({ url: server.url, pollMs: 10 });
    const taker = await consume(link, { kind: 'queue', name, order: 'none' });
    const found = await taker.take(count);
    expect(new Set(idsOf(found)).size).toBe(count);
    expect(await link.admin!.depth({ kind: 'queue', name, order: 'none' })).toMatchObject({ ready: 0, delayed: 0 });
    await taker.settle(failed, found[0]!);
    expect((await taker.take(1))[0]!.id).toBe(found[0]!.id);
  });
});
