import { createServer, type Server } from 'node:net';
import { WaybillError } from '@waybill/core/driver';
import { rabbitmq } from '@waybill/adapter-rabbitmq';
import { type Broker, startProxy, startRabbitmq, waitFor } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  declare,
  failureOf,
  message,
  messages,
  newQueue,
  never,
  open,
  outcomesOf,
  place,
  queueOf,
  store,
} from './support.ts';

describe('connections to RabbitMQ 4.3', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startRabbitmq({ line: '4.3', name: 'adapter-connection', tls: true });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
  });

  const refusal = async (
    options: Parameters<typeof rabbitmq>[0],
    signal = never,
  ): Promise<{ readonly code: string; readonly text: string }> => {
    const error: unknown = await rabbitmq(options)
      .connect({ signal, onBlocked: () => {} })
      .catch((caught: unknown) => caught);
    if (!WaybillError.is(error)) throw new Error(`expected a WaybillError, got ${String(error)}`);
    const text = `${error.message} ${error.stack} ${String(error.cause)}`;
    expect(text).not.toMatch(/secret/);
    return { code: error.code, text: error.message };
  };
  const at = (port: number, user = 'guest:guest'): string => `amqp://${user}@127.0.0.1:${port}`;

  test('refused credentials, a missing virtual host and a right that is missing are denied, and no text holds a secret', async () => {
    expect(await refusal(at(broker.ports.amqp, 'nobody:secret'))).toMatchObject({
      code: 'denied',
      text: expect.stringMatching(/403/),
    });
    expect(await refusal({ url: broker.url, vhost: 'nowhere' })).toMatchObject({
      code: 'denied',
      text: expect.stringMatching(/virtual host/),
    });
    const url = await broker.addUser({ name: 'reader', password: 'secret', write: '', configure: '' });
    await using admin = await open(broker.url);
    const queue = await newQueue(admin);
    await using link = await open(url);
    const sent = await link.send(queue, messages(3));
    expect(outcomesOf(sent)).toEqual(['0 rejected', '1 rejected', '2 rejected']);
    expect(rabbitmq().classify(sent.unsent[0]!.error)).toBe('denied');
    await expect(link.declare!([queueOf(place())], 'create')).rejects.toThrow(/403/);
    expect(await link.declare!([queueOf(queue)], 'verify')).toEqual([]);
  });

  test('credentials may come from a function, asked for each connection', async () => {
    let asked = 0;
    const credentials = async () => ({ username: 'guest', password: ++asked === 1 ? 'wrong' : 'guest' });
    expect(await refusal({ url: at(broker.ports.amqp), credentials })).toMatchObject({ code: 'denied' });
    await using link = await open({ url: at(broker.ports.amqp), credentials });
    await link.ping(never);
    expect(asked).toBe(2);
  });

  test('nobody at the port, nobody of that name: unavailable; something else at the port: protocol', async () => {
    expect(await refusal(at(1))).toMatchObject({
      code: 'unavailable',
      text: expect.stringMatching(/127\.0\.0\.1:1.*ECONNREFUSED/),
    });
    expect(await refusal('amqp://host.invalid')).toMatchObject({ code: 'unavailable' });
    const web = await listen((greeting) => `HTTP/1.1 400 ${greeting.length}\r\n\r\n`);
    expect(await refusal(at(web.port))).toMatchObject({ code: 'protocol', text: expect.stringMatching(/speaks AMQP/) });
    const mute = await listen(() => undefined);
    expect(await refusal(at(mute.port))).toMatchObject({ code: 'unavailable' });
    for (const { server } of [web, mute]) server.close();
  });

  test('of several hosts the first that answers is taken', async () => {
    await using link = await open({ url: at(1), hosts: ['127.0.0.1:1', `127.0.0.1:${broker.ports.amqp}`] });
    await link.ping(never);
    expect(await refusal({ hosts: ['127.0.0.1:1', '127.0.0.1:2'] })).toMatchObject({
      code: 'unavailable',
      text: expect.stringMatching(/127\.0\.0\.1:2/),
    });
  });

  test('TLS works with the right authority and name, and is refused otherwise', async () => {
    const { url, mismatchedUrl, authority } = broker.tls!;
    await using link = await open({ url, tls: { ca: authority } });
    const queue = await newQueue(link);
    await store(link, queue, messages(2000));
    expect(await (await consume(link, queue, { maxInFlight: 2000 })).take(2000)).toHaveLength(2000);
    expect(await refusal(url)).toMatchObject({ code: 'denied', text: expect.stringMatching(/certificate/) });
    expect(await refusal({ url: mismatchedUrl, tls: { ca: authority } })).toMatchObject({
      code: 'denied',
      text: expect.stringMatching(/altnames/),
    });
    expect(await refusal({ url: at(broker.ports.amqp), tls: true })).toMatchObject({
      code: 'protocol',
      text: expect.stringMatching(/TLS/),
    });
    expect(['unavailable', 'protocol']).toContain((await refusal(at(broker.ports.tls!))).code);
  });

  test('a server that takes the connection and says nothing is a timeout, and a signal ends the wait at once', async () => {
    await broker.pause();
    try {
      const since = performance.now();
      expect(await refusal({ url: broker.url, connectTimeoutMs: 300 })).toMatchObject({
        code: 'timeout',
        text: expect.stringMatching(/300 ms/),
      });
      expect(performance.now() - since).toBeLessThan(2_000);
      const controller = new AbortController();
      const waiting = refusal(broker.url, controller.signal);
      controller.abort();
      expect(await waiting).toMatchObject({ code: 'aborted' });
    } finally {
      await broker.resume();
    }
  });

  test('one half lost is the link lost', async () => {
    for (const half of ['publishing', 'consuming'] as const) {
      const link = await open(broker.url);
      const queue = await newQueue(link);
      const consumer = await consume(link, queue);
      await store(link, queue, [message('a')]);
      await link.native[half].close();
      expect(await link.closed).toBeInstanceOf(Error);
      expect(await consumer.receiver.closed).toBeInstanceOf(Error);
      expect(outcomesOf(await link.send(queue, [message('b')]))).toEqual(['0 rejected']);
    }
  });

  test('a lost link says so, ends its receivers, and calls in progress have an outcome', async () => {
    await using proxy = await startProxy({ host: '127.0.0.1', port: broker.ports.amqp });
    await using link = await open(proxy.url(broker.url));
    const queue = await newQueue(link);
    const consumer = await consume(link, queue);
    await store(link, queue, [message('before')]);
    await consumer.take(1);
    const pulling = failureOf(consumer.lane.pull(1, never));
    await proxy.inject({ kind: 'stall' }, 'toClient');
    const sending = link.send({ kind: 'queue', ...place() }, messages(2));
    const sent = link.send(queue, messages(3));
    await waitFor('the messages to arrive', () =>
      proxy.bytes.toClient.received > proxy.bytes.toClient.forwarded ? true : undefined,
    );
    await proxy.inject({ kind: 'reset' });
    expect(await link.closed).toBeInstanceOf(Error);
    expect(rabbitmq().classify(await link.closed)).toBe('unavailable');
    expect([outcomesOf(await sent), outcomesOf(await sending)]).toEqual([
      ['0 unknown', '1 unknown', '2 unknown'],
      ['0 unknown', '1 unknown'],
    ]);
    expect(String(await pulling)).toMatch(/Error/);
    expect(await consumer.receiver.closed).toBeInstanceOf(Error);
    const after = await link.send(queue, [message('after')]);
    expect(outcomesOf(after)).toEqual(['0 rejected']);
    expect(rabbitmq().classify(after.unsent[0]!.error)).toBe('unavailable');
    await consumer.receiver.close();
    await expect(link.ping(never)).rejects.toThrow();
  });

  test('a half-open connection is noticed by the heartbeat', async () => {
    await using proxy = await startProxy({ host: '127.0.0.1', port: broker.ports.amqp });
    await using link = await open({ url: proxy.url(broker.url), heartbeatMs: 1000 });
    await proxy.inject({ kind: 'drop' });
    const since = performance.now();
    expect(String(await link.closed)).toMatch(/Heartbeat timeout/);
    expect(performance.now() - since).toBeLessThan(5_000);
  });

  test('closing beside a server that stopped ends within its bound, twice too', async () => {
    const link = await open(broker.url);
    const queue = await newQueue(link);
    const consumer = await consume(link, queue);
    await broker.pause();
    try {
      const since = performance.now();
      await Promise.all([link.close(), link.close()]);
      expect(performance.now() - since).toBeLessThan(4_000);
      expect(await link.closed).toBeUndefined();
      await consumer.receiver.close();
    } finally {
      await broker.resume();
    }
  });

  test('a graceful stop of the server is a lost link, and a new one works after the restart', async () => {
    const first = await open(broker.url);
    const queue = await newQueue(first);
    await store(first, queue, messages(3));
    await broker.restart();
    expect(rabbitmq().classify(await first.closed)).toBe('unavailable');
    await using second = await open(broker.url);
    expect(await (await consume(second, queue)).take(3)).toHaveLength(3);
  });

  test('an alarm blocks sending and says so; acknowledgements and pings go on', async () => {
    const reasons: (string | undefined)[] = [];
    await using link = await open(broker.url, (reason) => reasons.push(reason));
    const queue = await newQueue(link);
    await store(link, queue, [message('before')]);
    const consumer = await consume(link, queue);
    const [held] = await consumer.take(1);
    await broker.setAlarm('memory', 'on');
    const sending = link.send(queue, [message('during')]);
    try {
      await waitFor('the alarm', () => (reasons.length > 0 ? true : undefined));
      expect(reasons).toEqual([expect.stringMatching(/memory/)]);
      await consumer.settle(accept, held!);
      await link.ping(never);
    } finally {
      await broker.setAlarm('memory', 'off');
    }
    expect(outcomesOf(await sending)).toEqual([]);
    expect(reasons).toEqual([expect.stringMatching(/memory/), undefined]);
    expect((await consumer.take(1)).map(({ id, redelivered }) => [id, redelivered])).toEqual([['during', false]]);
  });

  test('a message above the limit of the server is rejected, what was on its way beside it unknown, and sending goes on', async () => {
    await using link = await open(broker.url);
    const queue = await newQueue(link);
    const limit = link.capabilities.queue !== 'none' ? link.capabilities.queue.limits.maxBytes : 0;
    await store(link, queue, [message('largest', { body: Buffer.alloc(limit) })]);
    const sent = await link.send(queue, [message('too large', { body: Buffer.alloc(limit + 1) }), message('beside')]);
    expect(sent.unsent.find(({ index }) => index === 0)).toMatchObject({ outcome: 'rejected' });
    expect(rabbitmq().classify(sent.unsent[0]!.error)).toBe('too-large');
    await store(link, queue, [message('after')]);
    const { lane } = await consume(link, queue);
    const got = await lane.pull(10, AbortSignal.timeout(10_000));
    expect(got[0]!.id).toBe('largest');
    await declare(link, queueOf(queue));
  });
});

async function listen(
  answer: (greeting: Buffer) => string | undefined,
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (greeting) => socket.end(answer(greeting) ?? ''));
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address !== null ? address.port : 0 });
    });
  });
}
