import { createServer, type Server } from 'node:net';
import { connect, queue, topic, type } from '@waybill/core';
import { WaybillError } from '@waybill/core/driver';
import { nats } from '@waybill/adapter-nats';
import { type Nats, startNats, startProxy, waitFor } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  declare,
  failureOf,
  idsOf,
  message,
  messages,
  never,
  newQueue,
  open,
  outcomesOf,
  place,
  queueOf,
  store,
} from './support.ts';

describe('connections to NATS 2.15', () => {
  let server: Nats;
  beforeAll(async () => {
    server = await startNats({ line: '2.15', name: 'adapter-connection', user: { name: 'u', password: 'secret-p' } });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const refusal = async (
    options: Parameters<typeof nats>[0],
    signal = never,
  ): Promise<{ readonly code: string; readonly text: string }> => {
    const error: unknown = await nats(options)
      .connect({ signal, onBlocked: () => {} })
      .catch((caught: unknown) => caught);
    if (!WaybillError.is(error)) throw new Error(`expected a WaybillError, got ${String(error)}`);
    const text = `${error.message} ${error.stack} ${String(error.cause)}`;
    expect(text).not.toMatch(/secret/);
    return { code: error.code, text: error.message };
  };
  const at = (port: number): string => `nats://u:secret-p@127.0.0.1:${port}`;

  test('refused credentials are denied, and no text holds a secret', async () => {
    const wrong = { url: server.url, credentials: { username: 'u', password: 'secret-wrong' } };
    expect(await refusal(wrong)).toMatchObject({
      code: 'denied',
      text: expect.stringMatching(/check the credentials/),
    });
    expect(await refusal({ url: server.url, credentials: { token: 'secret-token' } })).toMatchObject({
      code: 'denied',
    });
  });

  test('credentials may come from a function, asked for each connection', async () => {
    let asked = 0;
    const credentials = async () => ({ username: 'u', password: ++asked === 1 ? 'wrong' : 'secret-p' });
    expect(await refusal({ url: server.url, credentials })).toMatchObject({ code: 'denied' });
    await using link = await open({ url: server.url, credentials });
    await link.ping(never);
    expect(asked).toBe(2);
  });

  test('nobody at the port, nobody of that name: unavailable; something else at the port: protocol', async () => {
    expect(await refusal(at(1))).toMatchObject({ code: 'unavailable', text: expect.stringMatching(/127\.0\.0\.1:1/) });
    expect(await refusal('nats://host.invalid')).toMatchObject({ code: 'unavailable' });
    const web = await listen('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect(await refusal(at(web.port))).toMatchObject({
      code: 'protocol',
      text: expect.stringMatching(/protocol of NATS/),
    });
    web.server.close();
  });

  test('of several servers the first that answers is taken', async () => {
    const port = String(server.port);
    await using link = await open({ url: at(1), hosts: ['127.0.0.1:1', `127.0.0.1:${port}`] });
    await link.ping(never);
    await using listed = await open(`nats://u:secret-p@127.0.0.1:1,127.0.0.1:${port}`);
    await listed.ping(never);
    expect(await refusal({ url: at(1), hosts: ['127.0.0.1:1', '127.0.0.1:2'] })).toMatchObject({ code: 'unavailable' });
  });

  test('a server that takes the connection and says nothing is a timeout, and a signal ends the wait at once', async () => {
    await server.pause();
    try {
      const since = performance.now();
      expect(await refusal({ url: server.url, connectTimeoutMs: 300 })).toMatchObject({ code: 'timeout' });
      expect(performance.now() - since).toBeLessThan(2_000);
      const controller = new AbortController();
      const waiting = refusal(server.url, controller.signal);
      controller.abort();
      expect(await waiting).toMatchObject({ code: 'aborted' });
    } finally {
      await server.resume();
    }
  });

  test('a lost link says so, ends its receivers, calls in progress have an outcome, and what it held comes again at once', async () => {
    await using proxy = await startProxy({ host: '127.0.0.1', port: server.port });
    const driver = nats(proxy.url(server.url));
    const first = await driver.connect({ signal: never, onBlocked: () => {} });
    const queue = await newQueue(first);
    const consumer = await consume(first, queue);
    await store(first, queue, [message('held')]);
    await consumer.take(1);
    const pulling = failureOf(consumer.lane.pull(1, never));
    await proxy.inject({ kind: 'stall' }, 'toClient');
    const sent = first.send(queue, messages(3));
    await waitFor('the messages to arrive', () =>
      proxy.bytes.toClient.received > proxy.bytes.toClient.forwarded ? true : undefined,
    );
    await proxy.inject({ kind: 'reset' });
    await proxy.heal();
    expect(driver.classify(await first.closed)).toBe('unavailable');
    expect(outcomesOf(await sent)).toEqual(['0 unknown', '1 unknown', '2 unknown']);
    expect(String(await pulling)).toMatch(/Error/);
    expect(await consumer.receiver.closed).toBeInstanceOf(Error);
    const after = await first.send(queue, [message('after')]);
    expect(outcomesOf(after)).toEqual(['0 rejected']);
    expect(driver.classify(after.unsent[0]!.error)).toBe('unavailable');
    await consumer.receiver.close();
    await expect(first.ping(never)).rejects.toThrow();
    const since = performance.now();
    const second = await driver.connect({ signal: never, onBlocked: () => {} });
    const again = await consume(second, queue);
    const got: (string | undefined)[] = [];
    while (!got.includes('held')) got.push(...idsOf(await again.take(1)));
    expect(performance.now() - since).toBeLessThan(5_000);
    await second.close();
  });

  test('a half-open connection is noticed by pings, and its receivers before that', async () => {
    await using proxy = await startProxy({ host: '127.0.0.1', port: server.port });
    await using link = await open({ url: proxy.url(server.url), pingIntervalMs: 2000 });
    const consumer = await consume(link, await newQueue(link));
    const pulling = failureOf(consumer.lane.pull(1, never));
    await proxy.inject({ kind: 'drop' });
    const since = performance.now();
    expect(String(await pulling)).toMatch(/silent for 3000 ms/);
    expect(nats().classify(await link.closed)).toBe('unavailable');
    expect(performance.now() - since).toBeLessThan(9_000);
  });

  test('closing beside a server that stopped ends within its bound, twice too', async () => {
    const link = await open(server.url);
    const consumer = await consume(link, await newQueue(link));
    await server.pause();
    try {
      const since = performance.now();
      await Promise.all([link.close(), link.close()]);
      expect(performance.now() - since).toBeLessThan(4_000);
      expect(await link.closed).toBeUndefined();
      await consumer.receiver.close();
    } finally {
      await server.resume();
    }
  });

  test('a consumer that vanished is made again, and its receiver says why it ended', async () => {
    await using link = await open(server.url);
    const orders = await newQueue(link);
    const consumer = await consume(link, orders);
    const pulling = failureOf(consumer.lane.pull(1, never));
    const stream = `waybill-queue-${orders.name.replaceAll('.', '=2E')}`;
    await link.native.request(`$JS.API.CONSUMER.DELETE.${stream}.waybill`);
    // A request that stands is told that the consumer is deleted; one that comes after that, that nobody listens.
    expect(['not-found', 'unavailable']).toContain(nats().classify(await pulling));
    expect(['not-found', 'unavailable']).toContain(nats().classify(await consumer.receiver.closed));
    await store(link, orders, [message('after')]);
    const again = await consume(link, orders);
    const got = await again.take(1);
    expect(idsOf(got)).toEqual(['after']);
    await again.settle(accept, ...got);
  });

  test('an application lives through a SIGKILL of the server, though every consumer vanished meanwhile', async () => {
    const { name } = place();
    const destinations = {
      orders: queue(`${name}.orders`, { schema: type<number>() }),
      news: topic(`${name}.news`, { schema: type<number>() }),
    };
    await using bus = await connect(nats(server.url), destinations);
    const seen: string[] = [];
    await bus.orders.consume((value) => void seen.push(`order ${value}`));
    await bus.news.subscribe((value) => void seen.push(`kept ${value}`), { subscription: 'kept' });
    const heard = await bus.news.subscribe((value) => void seen.push(`heard ${value}`));
    const all = async (value: number): Promise<void> => {
      await Promise.all([bus.orders.send(value), bus.news.publish(value)]);
      await waitFor(
        `everybody to get ${value}`,
        () => ['order', 'kept', 'heard'].every((who) => seen.includes(`${who} ${value}`)) || undefined,
      );
    };
    await all(1);
    const admin = await open(server.url);
    const escaped = name.replaceAll('.', '=2E');
    for (const [stream, consumer] of [
      [`waybill-queue-${escaped}=2Eorders`, 'waybill'],
      [`waybill-topic-${escaped}=2Enews`, 'kept'],
    ])
      await admin.native.request(`$JS.API.CONSUMER.DELETE.${stream}.${consumer}`);
    await admin.close();
    await server.kill();
    await waitFor('the subscription to notice', () => heard.state === 'waiting' || undefined);
    await server.restart();
    // Without a name it hears what is published while it is live, and nothing of what came before.
    await waitFor('the subscription to be live again', () => heard.state === 'live' || undefined);
    await all(2);
    expect(seen.toSorted()).toEqual(['heard 1', 'heard 2', 'kept 1', 'kept 2', 'order 1', 'order 2']);
  });

  test('what was confirmed survives a SIGKILL of the server right after it', async () => {
    const first = await open(server.url);
    const orders = await newQueue(first);
    await store(first, orders, messages(500));
    await server.kill();
    await server.restart();
    await using second = await open(server.url);
    expect(idsOf(await (await consume(second, orders, { maxInFlight: 500 })).take(500))).toEqual(idsOf(messages(500)));
  });

  test('a message above the limit of the server is rejected, and what is beside it is stored', async () => {
    await using link = await open(server.url);
    const orders = await newQueue(link);
    const limit = link.capabilities.queue !== 'none' ? link.capabilities.queue.limits.maxBytes : 0;
    expect(limit).toBe(2 ** 20 - 8192);
    const sent = await link.send(orders, [
      message('too large', { body: Buffer.alloc(limit + 1) }),
      message('largest', { body: Buffer.alloc(limit) }),
      message('headers', { headers: { huge: 'h'.repeat(70_000) } }),
      message('above all', { body: Buffer.alloc(limit), headers: { huge: 'h'.repeat(9_000) } }),
    ]);
    expect(outcomesOf(sent)).toEqual(['0 rejected', '2 rejected', '3 rejected']);
    expect(sent.unsent.map(({ error }) => nats().classify(error))).toEqual(['too-large', 'too-large', 'too-large']);
    expect(idsOf(await (await consume(link, orders)).take(1))).toEqual(['largest']);
    await declare(link, queueOf(orders));
  });
});

describe('TLS on NATS 2.15', () => {
  test('works with the right authority and name, and is refused otherwise', async () => {
    await using server = await startNats({ line: '2.15', name: 'adapter-tls', tls: true });
    const { url, mismatchedUrl, authority } = server.tls!;
    const failure = (options: Parameters<typeof nats>[0]): Promise<unknown> =>
      failureOf(nats(options).connect({ signal: never, onBlocked: () => {} }));
    await using link = await open({ url, tls: { ca: authority } });
    const orders = await newQueue(link);
    await store(link, orders, messages(1000));
    expect(await (await consume(link, orders, { maxInFlight: 1000 })).take(1000)).toHaveLength(1000);
    expect(await failure(url)).toMatchObject({ code: 'denied', message: expect.stringMatching(/certificate/) });
    expect(await failure({ url: mismatchedUrl, tls: { ca: authority } })).toMatchObject({
      code: 'denied',
      message: expect.stringMatching(/altnames/),
    });
    await using plain = await startNats({ line: '2.15', name: 'adapter-plain' });
    expect(await failure({ url: plain.url, tls: true })).toMatchObject({ code: 'protocol' });
  });
});

async function listen(answer: string): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(answer);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address !== null ? address.port : 0 });
    });
  });
}
