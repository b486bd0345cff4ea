import { describe, expect, it } from 'vitest';
import {
  bench,
  consume as consumeOn,
  drain,
  message,
  never,
  queue,
  send,
  subscription,
  texts,
  topic,
} from './support.ts';

const orders = { kind: 'queue', name: 'orders', order: 'none' } as const;
const events = { kind: 'stream', name: 'events', order: 'none' } as const;

describe('declaring', () => {
  it('makes what is missing, and is content with what is there', async () => {
    const { link } = await bench();
    const all = [
      queue('orders.dead'),
      queue('orders', { order: 'key', deadLetter: 'orders.dead' }),
      topic('news'),
      subscription('news', 'mail', { filter: { pattern: 'a.#' } }),
      { ...events, partitions: 3, retentionMs: 1000 },
    ];
    expect(await link.declare!(all, 'create')).toEqual([]);
    expect(await link.declare!(all, 'create')).toEqual([]);
    expect(await link.declare!(all, 'verify')).toEqual([]);
  });

  it('touches nothing when it verifies, and reports what is missing', async () => {
    const { link } = await bench();
    const all = [queue('orders'), topic('news'), subscription('news', 'mail'), events];
    const found = await link.declare!(all, 'verify');
    expect(found.map(({ declaration, property, found: there }) => [declaration.kind, property, there])).toEqual(
      ['queue', 'topic', 'subscription', 'stream'].map((kind) => [kind, 'existence', 'absent']),
    );
    expect((await link.send(orders, [message('a')])).unsent).toHaveLength(1);
  });

  it.each(['create', 'verify'] as const)('reports what differs and changes nothing (%s)', async (mode) => {
    const { link, declare } = await bench();
    await declare(
      queue('orders', { order: 'key' }),
      topic('news'),
      subscription('news', 'mail', { filter: { headers: { b: '2', a: '1' } } }),
      { ...events, partitions: 3 },
    );
    const other = [
      queue('orders', { priority: true, deadLetter: 'elsewhere' }),
      subscription('news', 'mail', { filter: { pattern: '#' } }),
      { ...events, order: 'total', retentionMs: 5 } as const,
    ];
    const found = await link.declare!(other, mode);
    expect(
      found.map(({ declaration, property, wanted, found: there }) => [declaration.name, property, wanted, there]),
    ).toEqual([
      ['orders', 'order', 'none', 'key'],
      ['orders', 'priority', 'true', 'false'],
      ['orders', 'deadLetter', 'elsewhere', 'none'],
      ['mail', 'filter', '#', 'a=1 b=2'],
      ['events', 'partitions', '1', '3'],
      ['events', 'retentionMs', '5', 'Infinity'],
    ]);
    expect(await link.declare!([queue('orders', { order: 'key' })], 'verify')).toEqual([]);
  });

  it('takes a queue beside a destination as it is, but misses it when it verifies', async () => {
    const { link, declare } = await bench();
    const beside = queue('orders.dead', { ifMissing: true });
    expect(await link.declare!([beside], 'verify')).toMatchObject([{ property: 'existence' }]);
    await declare(queue('orders.dead', { order: 'key', priority: true }));
    expect(await link.declare!([beside], 'create')).toEqual([]);
    expect(await link.declare!([beside], 'verify')).toEqual([]);
  });

  it('needs the topic of a subscription', async () => {
    const { link } = await bench();
    await expect(link.declare!([subscription('news', 'mail')], 'create')).rejects.toMatchObject({
      code: 'not-found',
      destination: 'news',
    });
  });

  it('leaves open what a stream does not say', async () => {
    const { link, declare } = await bench();
    await declare({ ...events, partitions: 4, retentionMs: 1000 });
    expect(await link.declare!([events], 'verify')).toEqual([]);
  });
});

describe('administration', () => {
  it('counts what is ready, in flight and delayed', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'), topic('news'), subscription('news', 'a'), subscription('news', 'b'), events);
    await send(link, orders, 'a', 'b', message('later', { delayMs: 1000 }));
    await (await consume(orders)).pull(1, never);
    expect(await link.admin!.depth(orders)).toEqual({ ready: 1, inFlight: 1, delayed: 1 });
    await send(link, { ...orders, kind: 'topic', name: 'news' }, 'x');
    expect(await link.admin!.depth({ ...orders, kind: 'topic', name: 'news' })).toMatchObject({ ready: 2 });
    expect(await link.admin!.depth({ ...orders, kind: 'topic', name: 'news', subscription: 'a' })).toMatchObject({
      ready: 1,
    });
    const missing = { ...orders, kind: 'topic', name: 'news', subscription: 'c' } as const;
    await expect(link.admin!.depth(missing)).rejects.toMatchObject({ code: 'not-found' });
    await send(link, events, 'a', 'b');
    expect(await link.admin!.depth({ ...events, from: 'earliest' })).toEqual({ ready: 2 });
    expect(await link.admin!.depth({ ...events, from: { after: { '': '0' }, otherwise: 'latest' } })).toEqual({
      ready: 1,
    });
  });

  it('purges what is ready and delayed, and leaves what is held', async () => {
    const { clock, link, declare, consume } = await bench();
    await declare(queue('orders'), events);
    await send(link, orders, 'held', 'b', message('later', { delayMs: 1000 }));
    const receiver = await consume(orders);
    const held = await receiver.pull(1, never);
    await link.admin!.purge!(orders);
    expect(await link.admin!.depth(orders)).toEqual({ ready: 0, inFlight: 1, delayed: 0 });
    await receiver.settle(held.map(({ receipt }) => ({ receipt, outcome: 'release', delayMs: 0, failed: true })));
    await clock.advance(2000);
    await send(link, orders, 'new');
    expect(texts(await drain(receiver))).toEqual(['held', 'new']);
    await send(link, events, 'a');
    await link.admin!.purge!({ ...events, from: 'earliest' });
    expect(await link.admin!.depth({ ...events, from: 'earliest' })).toEqual({ ready: 0 });
  });

  it('removes a place, and whoever pulls from it hears of it every time', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'), topic('news'), subscription('news', 'mail'));
    const receivers = [
      await consume(orders),
      await consume({ ...orders, kind: 'topic', name: 'news', subscription: 'mail' }),
    ];
    const waiting = receivers.map((receiver) => receiver.pull(1, never));
    await link.admin!.remove!(queue('orders'));
    await link.admin!.remove!(topic('news'));
    await link.admin!.remove!(queue('orders'));
    for (const pulled of [...waiting, ...receivers.map((receiver) => receiver.pull(1, never))])
      await expect(pulled).rejects.toMatchObject({ code: 'not-found' });
    await expect(consumeOn(link, orders)).rejects.toMatchObject({ code: 'not-found' });
    expect((await link.send(orders, [message('a')])).unsent).toHaveLength(1);
  });

  it('removes one subscription and leaves the topic', async () => {
    const { link, declare, consume } = await bench();
    await declare(topic('news'), subscription('news', 'mail'));
    const receiver = await consume({ ...orders, kind: 'topic', name: 'news', subscription: 'mail' });
    await link.admin!.remove!(subscription('news', 'mail'));
    await expect(receiver.closed).resolves.toMatchObject({ code: 'not-found' });
    await send(link, { ...orders, kind: 'topic', name: 'news' }, 'a');
  });
});
