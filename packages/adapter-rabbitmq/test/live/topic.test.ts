import type { Filter, Place } from '@waybill/core/driver';
import { acquireRabbitmq, type Broker, rabbitmqLines } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  declare,
  message,
  open,
  outcomesOf,
  place,
  type Queue,
  type RabbitLink,
  store,
} from './support.ts';

describe.each(rabbitmqLines)('topics on RabbitMQ %s', (line) => {
  let broker: Broker;
  let link: RabbitLink & AsyncDisposable;
  beforeAll(async () => {
    broker = await acquireRabbitmq({ line });
    link = await open(broker.url);
  });
  afterAll(async () => {
    await link[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  });

  type Topic = { readonly kind: 'topic' } & Place;
  async function newTopic(native?: unknown): Promise<Topic> {
    const topic = { kind: 'topic', ...place(native === undefined ? {} : { native }) } as const;
    await declare(link, topic);
    return topic;
  }
  const subscribe = async (topic: Topic, subscription: string, filter?: Filter): Promise<Queue> => {
    await declare(link, {
      ...topic,
      kind: 'subscription',
      name: subscription,
      topic: topic.name,
      ...(filter && { filter }),
    });
    return consume(link, { ...topic, subscription, ...(filter && { filter }) });
  };
  /** Publishes these, then one for everybody, and gives what came before it. */
  async function cameTo(
    consumer: Queue,
    topic: Topic,
    batch: readonly (readonly [id: string, routingKey: string, headers?: Record<string, string>])[],
    end: readonly [string, Record<string, string>?],
  ): Promise<(string | undefined)[]> {
    await store(
      link,
      topic,
      batch.map(([id, routingKey, headers = {}]) => message(id, { routingKey, headers })),
    );
    await store(link, topic, [message('end', { routingKey: end[0], headers: end[1] ?? {} })]);
    const ids: (string | undefined)[] = [];
    while (ids.at(-1) !== 'end') {
      const got = await consumer.take(1);
      ids.push(got[0]!.id);
      await consumer.settle(accept, ...got);
    }
    return ids.slice(0, -1);
  }

  test('each subscription gets each message once, its consumers share it, and nobody is needed', async () => {
    const topic = await newTopic();
    expect(outcomesOf(await link.send(topic, [message('before', { routingKey: 'x' })]))).toEqual([]);
    const billing = await subscribe(topic, 'billing');
    const stock = await subscribe(topic, 'stock');
    const visitor = await consume(link, topic);
    await store(link, topic, [message('one', { routingKey: 'orders.created' }), message('two')]);
    for (const consumer of [billing, stock, visitor]) {
      const got = await consumer.take(2);
      expect(got.map(({ id, routingKey }) => [id, routingKey])).toEqual([
        ['one', 'orders.created'],
        ['two', ''],
      ]);
    }
  });

  test('a durable subscription keeps what comes while nobody is there, another one ends with its receiver', async () => {
    const topic = await newTopic();
    const durable = await subscribe(topic, 'durable');
    const visitor = await consume(link, topic);
    await durable.receiver.close();
    await visitor.receiver.close();
    // The queue of the visitor may be going away just now, with its copy: then nobody says that all have it.
    expect(outcomesOf(await link.send(topic, [message('meanwhile', { routingKey: 'a' })]))).not.toContain('0 rejected');
    expect((await (await consume(link, { ...topic, subscription: 'durable' })).take(1)).map(({ id }) => id)).toEqual([
      'meanwhile',
    ]);
    expect(await cameTo(await consume(link, topic), topic, [['later', 'a']], ['a'])).toEqual(['later']);
  });

  test('a pattern and headers hold together, for durable subscriptions and for others', async () => {
    const topic = await newTopic();
    const filter = { pattern: 'orders.*.eu', headers: { kind: 'big', 'x-tag': '1' } };
    const wanted = { kind: 'big', 'x-tag': '1', more: 'yes' };
    for (const consumer of [await subscribe(topic, 'some', filter), await consume(link, { ...topic, filter })]) {
      const came = await cameTo(
        consumer,
        topic,
        [
          ['wrong key', 'orders.new.us', wanted],
          ['right', 'orders.new.eu', wanted],
          ['wrong headers', 'orders.new.eu', { kind: 'big', 'x-tag': '2' }],
          ['no headers', 'orders.new.eu'],
        ],
        ['orders.end.eu', wanted],
      );
      expect(came).toEqual(['right']);
    }
  });

  test('a pattern alone: * is one word, # any number', async () => {
    const topic = await newTopic();
    const consumer = await subscribe(topic, 's', { pattern: 'a.*.#' });
    expect(
      await cameTo(
        consumer,
        topic,
        [
          ['no', 'a'],
          ['one', 'a.b'],
          ['many', 'a.b.c.d'],
          ['other', 'b.a.c'],
        ],
        ['a.end'],
      ),
    ).toEqual(['one', 'many']);
  });

  test.each(['fanout', 'direct', 'headers'] as const)('a topic may be a %s exchange', async (exchange) => {
    const topic = await newTopic({ exchange });
    const filter: Filter | undefined = {
      fanout: undefined,
      direct: { pattern: 'orders.new' },
      headers: { headers: { kind: 'big' } },
    }[exchange];
    const consumer = await subscribe(topic, 's', filter);
    const came = await cameTo(
      consumer,
      topic,
      [
        ['both', 'orders.new', { kind: 'big' }],
        ['key', 'orders.new'],
        ['header', 'other', { kind: 'big' }],
      ],
      ['orders.new', { kind: 'big' }],
    );
    expect(came).toEqual(
      { fanout: ['both', 'key', 'header'], direct: ['both', 'key'], headers: ['both', 'header'] }[exchange],
    );
  });

  test('a pattern that the exchange cannot match is refused', async () => {
    const topic = await newTopic({ exchange: 'direct' });
    await expect(subscribe(topic, 's', { pattern: 'a.*' })).rejects.toThrow(/direct exchange/);
  });

  test('a topic that does not exist rejects every message, and sends to other places are not touched', async () => {
    const topic = await newTopic();
    const [missing, there] = await Promise.all([
      link.send({ kind: 'topic', ...place() }, [message('a'), message('b')]),
      link.send(topic, [message('c', { routingKey: 'x' })]),
    ]);
    expect([outcomesOf(missing), outcomesOf(there)]).toEqual([['0 rejected', '1 rejected'], []]);
    expect(String(missing.unsent[0]!.error)).toMatch(/NOT_FOUND/);
  });

  test('an exchange deleted later rejects too, and works again when it is back', async () => {
    const topic = await newTopic();
    await store(link, topic, [message('a', { routingKey: 'x' })]);
    await link.admin!.remove!(topic);
    expect(outcomesOf(await link.send(topic, [message('last')]))).toEqual(['0 rejected']);
    expect(outcomesOf(await link.send(topic, [message('next')]))).toEqual(['0 rejected']);
    await declare(link, topic);
    expect(outcomesOf(await link.send(topic, [message('again')]))).toEqual([]);
  });

  test('of two subscriptions one is full: the outcome is unknown, since the other has it', async () => {
    const topic = await newTopic();
    const open = await subscribe(topic, 'open');
    const channel = await link.native.consuming.createChannel();
    await channel.assertQueue(`${topic.name}/full`, {
      maxLength: 0,
      overflow: 'reject-publish',
      arguments: { 'x-queue-type': 'classic' },
    });
    await channel.bindQueue(`${topic.name}/full`, topic.name, '#');
    await channel.close();
    expect(outcomesOf(await link.send(topic, [message('a')]))).toEqual(['0 unknown']);
    expect((await open.take(1)).map(({ id }) => id)).toEqual(['a']);
  });

  test('subscribers that close orderly disturb nobody who publishes meanwhile', async () => {
    const topic = await newTopic();
    const closing = new AbortController();
    const publishing = (async () => {
      const outcomes: string[] = [];
      const batch = Array.from({ length: 4 }, () => message('one', { routingKey: 'x.y', headers: { a: 'b' } }));
      while (!closing.signal.aborted) outcomes.push(...outcomesOf(await link.send(topic, batch)));
      return outcomes;
    })();
    for (let round = 0; round < 60; round++) {
      const filter = round % 2 ? { headers: { a: 'b' } } : { pattern: 'x.#' };
      await (await consume(link, { ...topic, filter })).receiver.close();
    }
    closing.abort();
    expect(await publishing).toEqual([]);
  });

  test('a removed subscription leaves nothing behind', async () => {
    const topic = await newTopic();
    const consumer = await subscribe(topic, 's', { headers: { a: 'b' } });
    await consumer.receiver.close();
    const declaration = { ...topic, kind: 'subscription', name: 's', topic: topic.name } as const;
    await link.admin!.remove!(declaration);
    expect(
      (await link.declare!([declaration, { ...topic, name: `${topic.name}/s` }], 'verify')).map(
        ({ property }) => property,
      ),
    ).toEqual(['existence', 'existence']);
  });
});
