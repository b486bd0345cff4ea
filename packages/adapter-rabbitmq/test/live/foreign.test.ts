import { connect, type ChannelModel, type ConfirmChannel, type ConsumeMessage } from 'amqplib';
import { acquireRabbitmq, type Broker, rabbitmqLines } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  message,
  newQueue,
  open,
  outcomesOf,
  place,
  queueOf,
  type RabbitLink,
  store,
} from './support.ts';

describe.each(rabbitmqLines)('beside a stock amqplib program on RabbitMQ %s', (line) => {
  let broker: Broker;
  let link: RabbitLink & AsyncDisposable;
  let model: ChannelModel;
  let channel: ConfirmChannel;
  beforeAll(async () => {
    broker = await acquireRabbitmq({ line });
    link = await open(broker.url);
    model = await connect(broker.url);
    channel = await model.createConfirmChannel();
  });
  afterAll(async () => {
    await model.close();
    await link[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  });
  const next = (queue: string): Promise<ConsumeMessage> =>
    new Promise((resolve, reject) => {
      channel.consume(queue, (got) => (got ? resolve(got) : reject(new Error('cancelled')))).catch(reject);
    });

  test('what Waybill sends is an ordinary message: properties, seconds, and hardly a header', async () => {
    const queue = await newQueue(link);
    await store(link, queue, [
      message('one', {
        sentAt: 1_700_000_000_123,
        headers: { a: 'b' },
        correlationId: 'c',
        replyTo: 'r',
        ttlMs: 60_000,
        priority: 3,
        native: { type: 'order', headers: { count: 3 } },
      }),
    ]);
    const { properties, content } = await next(queue.name);
    const {
      messageId,
      contentType,
      timestamp,
      deliveryMode,
      correlationId,
      replyTo,
      expiration,
      priority,
      type,
      headers,
    } = properties;
    expect(content.toString()).toBe('"one"');
    expect({
      messageId,
      contentType,
      timestamp,
      deliveryMode,
      correlationId,
      replyTo,
      expiration,
      priority,
      type,
      headers,
    }).toEqual({
      ...{
        messageId: 'one',
        contentType: 'application/json',
        timestamp: 1_700_000_000,
        deliveryMode: 2,
        correlationId: 'c',
        replyTo: 'r',
        expiration: '60000',
      },
      ...{ priority: 3, type: 'order', headers: { a: 'b', count: 3, 'waybill-ms': 123 } },
    });
  });

  test('what a stranger sends without any property is a message without them', async () => {
    const queue = await newQueue(link);
    channel.sendToQueue(queue.name, Buffer.from('plain'));
    const [got] = await (await consume(link, queue)).take(1);
    const { id, contentType, sentAt, key, routingKey, replyTo, correlationId, headers, attempt } = got!;
    expect({ id, contentType, sentAt, key, routingKey, replyTo, correlationId, headers, attempt }).toEqual({
      headers: {},
      attempt: 1,
    });
    expect(Buffer.from(got!.body!).toString()).toBe('plain');
  });

  const typed = {
    text: 'text',
    empty: '',
    number: 42,
    big: 2 ** 40,
    float: 1.5,
    yes: true,
    nothing: null,
    list: [1, 'two'],
    table: { inner: { deep: 1 } },
    when: { '!': 'timestamp', value: 1_700_000_000 },
    bytes: Buffer.from([0xff, 0x41]),
  };

  test('typed headers read as text, and a copy keeps their types but not the traces of the first delivery', async () => {
    const queue = await newQueue(link);
    const other = await newQueue(link);
    channel.sendToQueue(queue.name, Buffer.from('x'), {
      headers: { ...typed, CC: [other.name] },
      type: 'kind',
      appId: 'app',
      contentEncoding: 'gzip',
    });
    const consumer = await consume(link, queue);
    await consumer.settle({ outcome: 'release', delayMs: 0, failed: true }, ...(await consumer.take(1)));
    const [got] = await consumer.take(1);
    expect(got!.headers).toEqual({
      ...{
        text: 'text',
        empty: '',
        number: '42',
        big: String(2 ** 40),
        float: '1.5',
        yes: 'true',
        nothing: 'null',
        list: '[1,"two"]',
        table: '{"inner":{"deep":1}}',
      },
      ...{ when: '2023-11-14T22:13:20.000Z', bytes: '\udcffA' },
    });
    const copies = await newQueue(link);
    await store(link, copies, [message('copy', { headers: { text: 'changed', added: 'yes' }, copyOf: got!.native })]);
    await consumer.settle(accept, got!);
    const { properties } = await next(copies.name);
    const { text: _text, empty: _empty, ...kept } = typed;
    expect(properties.headers).toEqual({ ...kept, text: 'changed', added: 'yes', 'waybill-ms': expect.any(Number) });
    expect([properties.type, properties.appId, properties.contentEncoding]).toEqual(['kind', 'app', 'gzip']);
    // CC in the copy would have sent it here a second time.
    expect((await (await consume(link, other)).take(1)).map(({ id }) => id)).toEqual([undefined]);
  });

  test('times: seconds alone, a date as a number, and nonsense', async () => {
    const queue = await newQueue(link);
    channel.sendToQueue(queue.name, Buffer.from('1'), { timestamp: 1_700_000_000 });
    channel.sendToQueue(queue.name, Buffer.from('2'), { timestamp: 1_700_000_000, headers: { 'waybill-ms': 'soon' } });
    channel.sendToQueue(queue.name, Buffer.from('3'), {
      headers: { 'waybill-ms': 5, when: { '!': 'timestamp', value: 2 ** 52 } },
    });
    const got = await (await consume(link, queue)).take(3);
    expect(got.map(({ sentAt }) => sentAt)).toEqual([1_700_000_000_000, 1_700_000_000_000, undefined]);
    expect(got[2]!.headers['when']).toBe(`{"!":"timestamp","value":${2 ** 52}}`);
  });

  test('a stranger’s exchange and queue are used as they are', async () => {
    const topic = place();
    const subscriber = place();
    await channel.assertExchange(topic.name, 'topic');
    await channel.assertQueue(subscriber.name, { arguments: { 'x-queue-type': 'quorum' } });
    await channel.bindQueue(subscriber.name, topic.name, 'a.#');
    expect(outcomesOf(await link.send({ kind: 'topic', ...topic }, [message('one', { routingKey: 'a.b' })]))).toEqual(
      [],
    );
    const [got] = await (await consume(link, { kind: 'queue', ...subscriber })).take(1);
    expect([got!.id, got!.routingKey]).toEqual(['one', 'a.b']);
    // From 4.0 on a declaration of ours has a delivery limit of its own, which is said; a stranger's arguments can be named.
    const found = await link.declare!([queueOf(subscriber)], 'verify');
    expect(found.map(({ property }) => property)).toEqual(line === '4.3' ? ['x-delivery-limit'] : []);
    expect(
      await link.declare!(
        [queueOf({ ...subscriber, native: { arguments: { 'x-delivery-limit': undefined } } })],
        'verify',
      ),
    ).toEqual([]);
  });

  test('a request with direct reply-to is answered', async () => {
    const queue = await newQueue(link);
    const client = await model.createChannel();
    const answer = new Promise<ConsumeMessage | null>((resolve, reject) => {
      client.consume('amq.rabbitmq.reply-to', resolve, { noAck: true }).catch(reject);
    });
    client.sendToQueue(queue.name, Buffer.from('ask'), { replyTo: 'amq.rabbitmq.reply-to', correlationId: 'c' });
    const [request] = await (await consume(link, queue)).take(1);
    expect(
      outcomesOf(
        await link.send({ kind: 'reply', name: request!.replyTo! }, [
          message('answer', { correlationId: request!.correlationId }),
        ]),
      ),
    ).toEqual([]);
    expect((await answer)?.properties.correlationId).toBe('c');
  });
});
