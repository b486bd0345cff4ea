import { connect as connectSocket, type Socket } from 'node:net';
import { jetstream, type JetStreamClient, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { type Nats, natsLines, startNats, waitFor } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  declare,
  idsOf,
  message,
  type NatsLink,
  newQueue,
  open,
  place,
  read,
  store,
} from './support.ts';

describe.each(natsLines)('beside programs without Waybill on NATS %s', (line) => {
  let server: Nats;
  let link: NatsLink & AsyncDisposable;
  let client: NatsConnection;
  let stock: JetStreamClient;
  let manager: JetStreamManager;
  beforeAll(async () => {
    server = await startNats({ line, name: 'adapter-foreign' });
    link = await open(server.url);
    client = await connect({ servers: new URL(server.url).host, reconnect: false });
    stock = jetstream(client);
    manager = await jetstreamManager(client);
  });
  afterAll(async () => {
    await client.close();
    await link[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const bare = async () => {
    const name = `bare${Math.random().toString(36).slice(2)}`;
    await declare(link, { kind: 'queue', name, order: 'none', priority: false, ttl: false, delay: false });
    return { kind: 'queue', name, order: 'none' } as const;
  };

  test('what Waybill sends is an ordinary message with plain headers, and the stock consumer settles it', async () => {
    const queue = await bare();
    await store(link, queue, [
      message('one', {
        sentAt: 1_700_000_000_123,
        headers: { a: 'b', 'x:y': 'colon', padded: ' a ' },
        key: 'k',
        correlationId: 'c',
        native: { headers: { twice: ['1', '2'] } },
      }),
    ]);
    await manager.consumers.add(`waybill-queue-${queue.name}`, { durable_name: 'theirs', ack_policy: 'explicit' });
    const consumer = await stock.consumers.get(`waybill-queue-${queue.name}`, 'theirs');
    const got = await consumer.next({ expires: 5000 });
    expect(got!.subject).toBe(`waybill.queue.${queue.name}`);
    expect(got!.json()).toBe('one');
    expect(Object.fromEntries(got!.headers!)).toEqual({
      'Nats-Msg-Id': ['one'],
      'waybill-type': ['application/json'],
      'waybill-at': ['1700000000123'],
      'waybill-key': ['k'],
      'waybill-correlation': ['c'],
      a: ['b'],
      twice: ['1', '2'],
      'waybill-headers': ['{"x:y":"colon","padded":" a "}'],
    });
    expect(await got!.ackAck()).toBe(true);
    expect(await link.admin!.depth(queue)).toMatchObject({ ready: 0, inFlight: 0 });
  });

  test('what a stranger publishes comes with what it has: bare, with an id, with repeated headers', async () => {
    const queue = await bare();
    const subject = `waybill.queue.${queue.name}`;
    await stock.publish(subject, 'plain');
    await stock.publish(subject, 'known', { msgID: 'their-id' });
    const repeated = headers();
    for (const value of ['first', 'second']) repeated.append('many', value);
    repeated.append('waybill-headers', 'no JSON of ours');
    await stock.publish(subject, Uint8Array.of(0xff, 0), { headers: repeated });
    const consumer = await consume(link, queue);
    const [plain, known, many] = await consumer.take(3);
    const { id, contentType, sentAt, key, routingKey, replyTo, correlationId, headers: none, attempt } = plain!;
    expect({ id, contentType, sentAt, key, routingKey, replyTo, correlationId, none, attempt }).toEqual({
      none: {},
      attempt: 1,
    });
    expect(Buffer.from(plain!.body!).toString()).toBe('plain');
    expect(known!.id).toBe('their-id');
    expect([many!.headers, [...many!.body!]]).toEqual([{ many: 'first' }, [0xff, 0]]);
    const copies = await bare();
    await store(link, copies, [message('copy', { headers: many!.headers, copyOf: many!.native })]);
    const [copy] = await (await consume(link, copies)).take(1);
    expect((copy!.native as { headers: Iterable<[string, string[]]> }).headers).toBeDefined();
    expect(new Map((copy!.native as { headers: Iterable<[string, string[]]> }).headers).get('many')).toEqual([
      'first',
      'second',
    ]);
  });

  test('a program that speaks the protocol over a bare socket produces for and hears from Waybill', async () => {
    const queue = await bare();
    const topic = { kind: 'topic', ...place(), name: `news${queue.name}` } as const;
    await declare(link, topic);
    const socket = connectSocket(server.port, '127.0.0.1');
    const said = await greeted(socket);
    socket.write(`CONNECT {"verbose":false}\r\nSUB waybill.topic.${topic.name}.> 1\r\nPING\r\n`);
    await waitFor('the subscription', () => said.text.includes('PONG') || undefined);
    socket.write(`PUB waybill.queue.${queue.name} 5\r\nhello\r\n`);
    const [got] = await (await consume(link, queue)).take(1);
    expect(Buffer.from(got!.body!).toString()).toBe('hello');
    await store(link, topic, [message('news', { routingKey: 'eu.de', body: Buffer.from('to all') })]);
    await waitFor('the message', () => said.text.includes('to all') || undefined);
    expect(said.text).toMatch(new RegExp(`MSG waybill\\.topic\\.${topic.name}\\.eu\\.de 1 .*\\r\\n[^]*to all`));
    socket.destroy();
  });

  test('a stream and subject of somebody else is used as it is, by its own names', async () => {
    const name = `THEIRS-${Math.random().toString(36).slice(2)}`;
    await manager.streams.add({ name, subjects: [`${name}.in`], max_msgs: 100 });
    await stock.publish(`${name}.in`, '"old"');
    const log = { kind: 'stream', ...place({ native: { stream: name, subject: `${name}.in` } }) } as const;
    expect(await link.declare!([log], 'verify')).toEqual([]);
    await store(link, log, [message('new')]);
    const { lane } = await read(link, { ...log, from: 'earliest' });
    const got: string[] = [];
    while (got.length < 2)
      got.push(...(await lane.pull(10, AbortSignal.timeout(5000))).map(({ body }) => Buffer.from(body!).toString()));
    expect(got).toEqual(['"old"', '"new"']);
  });

  test('a subscription gets what strangers publish below the topic, with the routing key of its tokens', async () => {
    const topic = { kind: 'topic', ...place(), name: `t${Math.random().toString(36).slice(2)}` } as const;
    const filter = { pattern: 'eu.#' };
    await declare(link, topic, { kind: 'subscription', topic: topic.name, name: 'kept', order: 'none', filter });
    const subscription = await consume(link, { ...topic, subscription: 'kept', filter });
    for (const words of ['.eu', '.eu.de', '.us', '', '.eu.a=2Ab.c'])
      await stock.publish(`waybill.topic.${topic.name}${words}`, words);
    const got = await subscription.take(3);
    expect(got.map(({ routingKey }) => routingKey)).toEqual(['eu', 'eu.de', 'eu.a*b.c']);
    await subscription.settle(accept, ...got);
  });

  test('a reply goes to whoever asked with the stock client, and one to nobody is unroutable', async () => {
    const asking = client.subscribe('_INBOX.somebody', { max: 1 });
    await client.flush();
    await expect(link.send({ kind: 'reply', name: '_INBOX.somebody' }, [message('answer')])).resolves.toEqual({
      unsent: [],
    });
    for await (const answer of asking) expect(answer.json()).toBe('answer');
    const { unsent } = await link.send({ kind: 'reply', name: '_INBOX.nobody' }, [message('answer')]);
    expect(unsent).toMatchObject([{ index: 0, outcome: 'rejected', error: { code: 'unroutable' } }]);
  });

  test('a copy of everything through a queue with an odd name comes out as it went in', async () => {
    const queue = await newQueue(link);
    await store(link, queue, [message('x', { key: 'ü\r\n key', headers: { 'Nats-Rollup': 'all', text: 'a\nb' } })]);
    const [got] = await (await consume(link, queue)).take(1);
    expect([got!.key, got!.headers]).toEqual(['ü\r\n key', { 'Nats-Rollup': 'all', text: 'a\nb' }]);
    expect(idsOf([got!])).toEqual(['x']);
  });
});

async function greeted(socket: Socket): Promise<{ text: string }> {
  const said = { text: '' };
  socket.setEncoding('utf8').on('data', (text: string) => (said.text += text));
  await waitFor('the greeting', () => said.text.startsWith('INFO ') || undefined);
  return said;
}
