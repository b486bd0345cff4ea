import type { Declaration } from '@waybill/core/driver';
import { acquireRabbitmq, type Broker, rabbitmqLines } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  consume,
  declare,
  message,
  messages,
  newQueue,
  never,
  open,
  outcomesOf,
  place,
  queueOf,
  type RabbitLink,
  store,
} from './support.ts';

describe.each(rabbitmqLines)('topology on RabbitMQ %s', (line) => {
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
  const differences = async (mode: 'create' | 'verify', ...declarations: readonly Declaration[]) =>
    (await link.declare!(declarations, mode)).map(({ declaration: { name }, property, wanted, found }) => ({
      name,
      property,
      wanted,
      found,
    }));

  test('declaring twice is nothing, and everything that differs is named with both values', async () => {
    const plain = place();
    const ordered = place();
    const topic = { kind: 'topic', ...place() } as const;
    await declare(link, queueOf(plain), queueOf(plain), queueOf(ordered, { order: 'total' }), topic);
    for (const mode of ['create', 'verify'] as const) {
      expect(
        await differences(
          mode,
          queueOf(plain, { native: { queueType: 'classic' } }),
          queueOf(plain),
          queueOf(ordered),
          { ...topic, native: { exchange: 'fanout' } },
          { kind: 'stream', ...plain },
        ),
      ).toEqual([
        { name: plain.name, property: 'x-queue-type', wanted: 'classic', found: 'quorum' },
        { name: ordered.name, property: 'x-single-active-consumer', wanted: 'none', found: 'true' },
        { name: topic.name, property: 'type', wanted: 'fanout', found: 'topic' },
        { name: plain.name, property: 'x-queue-type', wanted: 'stream', found: 'quorum' },
      ]);
    }
  });

  test('verify reports what is missing and makes nothing', async () => {
    const topic = place();
    const declarations: Declaration[] = [
      queueOf(place()),
      { kind: 'topic', ...topic },
      { kind: 'subscription', ...place(), topic: topic.name },
      { kind: 'stream', ...place() },
    ];
    for (let round = 0; round < 2; round++)
      expect((await differences('verify', ...declarations)).map(({ property, found }) => [property, found])).toEqual(
        declarations.map(() => ['existence', 'nothing']),
      );
    await declare(link, ...declarations);
    expect(await differences('verify', ...declarations)).toEqual([]);
  });

  test('a queue beside a destination is right however it is', async () => {
    const beside = place();
    await declare(link, queueOf(beside, { native: { queueType: 'classic' } }));
    const missing = place();
    await declare(link, queueOf(beside, { ifMissing: true }), queueOf(missing, { ifMissing: true }));
    expect(await differences('verify', queueOf(missing), queueOf(beside, { ifMissing: true }))).toEqual([]);
  });

  test('further arguments are the user’s, and a queue that is full rejects for certain', async () => {
    const queue = await newQueue(link, {
      native: { queueType: 'classic', arguments: { 'x-max-length': 2, 'x-overflow': 'reject-publish' } },
    });
    const { unsent } = await link.send(queue, messages(4));
    expect(unsent.length).toBeGreaterThan(0);
    expect(unsent.every(({ outcome }) => outcome === 'rejected')).toBe(true);
    const got = await (await consume(link, queue)).take(4 - unsent.length);
    expect(got.map(({ id }) => id)).toEqual(messages(4 - unsent.length).map(({ id }) => id));
  });

  test('a classic queue works, and knows no attempts once a message came again', async () => {
    const queue = await newQueue(link, { native: { queueType: 'classic' } });
    await store(link, queue, [message('a')]);
    const first = await consume(link, queue);
    expect((await first.take(1))[0]!.attempt).toBe(1);
    await first.receiver.close();
    const [again] = await (await consume(link, queue)).take(1);
    expect([again!.attempt, again!.redelivered]).toEqual([undefined, true]);
  });

  const long = 'ü'.repeat(128);
  test.each([
    ['', /empty/],
    ['amq.mine', /reserved/],
    [long, /256 bytes/],
  ])('the name "%s" is refused everywhere, before anything is sent', async (name, why) => {
    const where = place({ name });
    for (const one of [queueOf(where), { kind: 'topic', ...where }, { kind: 'stream', ...where }] as const)
      await expect(link.declare!([one], 'create')).rejects.toThrow(why);
    const sent = await link.send({ kind: 'queue', ...where }, [message('a')]);
    expect([outcomesOf(sent), String(sent.unsent[0]!.error)]).toEqual([['0 rejected'], expect.stringMatching(why)]);
    await expect(consume(link, { kind: 'queue', ...where })).rejects.toThrow(why);
    await link.ping(never);
  });

  test('options of a place that do not exist are refused with those that do', async () => {
    await expect(declare(link, queueOf(place({ native: { queuetype: 'classic' } })))).rejects.toThrow(
      /unknown rabbitmq option "queuetype".*queueType/,
    );
    await expect(declare(link, queueOf(place({ native: { queueType: 'mirrored' } })))).rejects.toThrow(
      /"queueType" with the value "mirrored"/,
    );
    await expect(declare(link, { kind: 'stream', ...place(), partitions: 3 })).rejects.toThrow(/has one/);
  });

  test('every name of 255 bytes works', async () => {
    const name = `${place().name}.`.padEnd(255, 'x');
    const queue = { kind: 'queue', name, order: 'none' } as const;
    await declare(link, queueOf(queue));
    await store(link, queue, [message('a')]);
    expect(await (await consume(link, queue)).take(1)).toHaveLength(1);
    await link.admin!.remove!(queueOf(queue));
  });
});
