import { WaybillError } from '@waybill/core/driver';
import { acquireRabbitmq, type Broker, rabbitmqLines, waitFor } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  depthIs,
  failed,
  failureOf,
  message,
  messages,
  newQueue,
  never,
  open,
  outcomesOf,
  place,
  type RabbitLink,
  reject,
  store,
  unrun,
} from './support.ts';

describe.each(rabbitmqLines)('queues on RabbitMQ %s', (line) => {
  let broker: Broker;
  let link: RabbitLink & AsyncDisposable;
  const isNew = line === '4.3';
  beforeAll(async () => {
    broker = await acquireRabbitmq({ line });
    link = await open(broker.url);
  });
  afterAll(async () => {
    await link[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  });

  test('a message comes back as it was sent', async () => {
    const queue = await newQueue(link);
    const sent = message('one', {
      headers: { colour: 'red', 'x-own': 'ü' },
      key: 'k1',
      routingKey: 'a.b',
      replyTo: 'answers',
      correlationId: 'c1',
      sentAt: 1_700_000_000_007,
      body: Buffer.from([0, 255, 10]),
    });
    await store(link, queue, [sent, message('empty', { body: new Uint8Array(0), sentAt: 1_700_000_000_000 })]);
    const [one, empty] = await (await consume(link, queue)).take(2);
    const { id, contentType, sentAt, headers, key, routingKey, replyTo, correlationId, attempt, redelivered } = one!;
    expect({ id, contentType, sentAt, headers, key, routingKey, replyTo, correlationId, attempt, redelivered }).toEqual(
      {
        ...{
          id: 'one',
          contentType: 'application/json',
          sentAt: 1_700_000_000_007,
          headers: { colour: 'red', 'x-own': 'ü' },
          key: 'k1',
          routingKey: 'a.b',
        },
        ...{ replyTo: 'answers', correlationId: 'c1', attempt: 1, redelivered: false },
      },
    );
    expect([...one!.body!]).toEqual([0, 255, 10]);
    expect([empty!.body!.byteLength, empty!.sentAt, empty!.headers, empty!.key]).toEqual([
      0,
      1_700_000_000_000,
      {},
      undefined,
    ]);
  });

  test('of two messages with one id, the one without a queue is reported, even among a thousand others', async () => {
    const queue = await newQueue(link);
    const gone = place();
    const [there, nowhere, more] = await Promise.all([
      link.send(queue, [message('same')]),
      link.send({ kind: 'queue', ...gone }, [message('same'), message('other')]),
      link.send(queue, messages(1000)),
    ]);
    expect([outcomesOf(there), outcomesOf(nowhere), outcomesOf(more)]).toEqual([[], ['0 rejected', '1 rejected'], []]);
    expect(nowhere.unsent.every(({ error }) => WaybillError.is(error, 'unroutable'))).toBe(true);
  });

  test('a message that AMQP cannot carry is rejected alone, and the others of its batch are stored', async () => {
    const queue = await newQueue(link);
    const batch = [
      message('a'),
      message('x'.repeat(256)),
      message('b'),
      message('c', { headers: { CC: 'elsewhere' } }),
      message('d', { headers: { big: 'x'.repeat(70_000) } }),
      message('e'),
    ];
    const sent = await link.send(queue, batch);
    expect(
      sent.unsent.map(({ index, outcome, error }) => `${index} ${outcome} ${(error as WaybillError).code}`),
    ).toEqual(['1 rejected invalid', '3 rejected invalid', '4 rejected too-large']);
    expect((await (await consume(link, queue)).take(3)).map(({ id }) => id)).toEqual(['a', 'b', 'e']);
  });

  test('what is accepted in any order is gone, and the rest comes again', async () => {
    const queue = await newQueue(link);
    await store(link, queue, messages(50));
    const first = await consume(link, queue);
    const got = await first.take(50);
    const kept = new Set(['m3', 'm20', 'm49']);
    const done = got.filter(({ id }) => !kept.has(id!)).reverse();
    for (const part of [done.slice(0, 17), done.slice(17, 18), done.slice(18)]) await first.settle(accept, ...part);
    await first.receiver.close();
    const second = await consume(link, queue);
    expect(new Set((await second.take(3)).map(({ id }) => id))).toEqual(kept);
    await store(link, queue, [message('end')]);
    expect((await second.take(1)).map(({ id }) => id)).toEqual(['end']);
  });

  test.each([
    ['waits already', true],
    ['comes later', false],
  ])('what a closed receiver of an ordered queue held comes in order to the next, which %s', async (_, isWaiting) => {
    const queue = await newQueue(link, { order: 'total' });
    await store(link, queue, messages(120));
    const first = await consume(link, queue, { maxInFlight: 40 });
    const next = isWaiting ? await consume(link, queue, { maxInFlight: 120 }) : undefined;
    const held = await first.take(40);
    const done = [...held.slice(0, 5), ...held.slice(12, 14), ...held.slice(39)];
    await first.settle(accept, ...done);
    await first.take(done.length);
    await first.receiver.close();
    const gone = new Set(done.map(({ id }) => id));
    const left = messages(120).flatMap(({ id }) => (gone.has(id) ? [] : [id]));
    const second = next ?? (await consume(link, queue, { maxInFlight: 120 }));
    const got = await second.take(left.length);
    expect(got.map(({ id }) => id)).toEqual(left);
    expect(got.map(({ attempt }) => attempt)).toEqual(left.map((_id, index) => (index < 40 ? 2 : 1)));
  });

  test('attempts count what failed; what nobody ran is no attempt from 4.3 on', async () => {
    const queue = await newQueue(link);
    await store(link, queue, [message('a')]);
    const consumer = await consume(link, queue);
    const attempts: (number | undefined)[] = [];
    for (const outcome of [failed, unrun, failed, unrun]) {
      const [got] = await consumer.take(1);
      attempts.push(got!.attempt);
      await consumer.settle(outcome, got!);
    }
    const [last] = await consumer.take(1);
    expect([...attempts, last!.attempt]).toEqual(isNew ? [1, 2, 2, 3, 3] : [1, 2, 3, 4, 5]);
    expect(last!.redelivered).toBe(true);
  });

  test('a closed consumer gives back what it held and buffered, in order, and from 4.3 on that is no attempt', async () => {
    const queue = await newQueue(link);
    await store(link, queue, messages(10));
    const first = await consume(link, queue);
    await first.take(3);
    await first.receiver.close();
    expect(await first.receiver.closed).toBeUndefined();
    const again = await (await consume(link, queue)).take(10);
    expect(again.map(({ id }) => id)).toEqual(messages(10).map(({ id }) => id));
    expect(again.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 10 }, () => (isNew ? 1 : 2)));
  });

  test('the broker drops nothing that fails often: 30 failures are more than its default limit', async () => {
    const queue = await newQueue(link);
    await store(link, queue, [message('a')]);
    const consumer = await consume(link, queue);
    for (let round = 1; round <= 30; round++) await consumer.settle(failed, ...(await consumer.take(1)));
    const [got] = await consumer.take(1);
    expect([got!.id, got!.attempt]).toEqual(['a', 31]);
  });

  test('a message that is rejected without a dead-letter queue is gone', async () => {
    const queue = await newQueue(link);
    await store(link, queue, messages(2));
    const consumer = await consume(link, queue);
    const [one, two] = await consumer.take(2);
    await consumer.settle(reject, one!);
    await consumer.settle(accept, two!);
    await consumer.receiver.close();
    await store(link, queue, [message('end')]);
    expect((await (await consume(link, queue)).take(1)).map(({ id }) => id)).toEqual(['end']);
  });

  test('what the broker gives up goes to the dead-letter queue of the declaration', async () => {
    const dead = await newQueue(link);
    const queue = await newQueue(link, { deadLetter: dead.name });
    await store(link, queue, [message('rejected', { headers: { a: 'b' } }), message('expired', { ttlMs: 1 })]);
    const consumer = await consume(link, queue);
    await consumer.settle(reject, ...(await consumer.take(1)));
    const buried = await (await consume(link, dead)).take(2);
    expect(new Set(buried.map(({ id }) => id))).toEqual(new Set(['expired', 'rejected']));
    for (const { id, headers } of buried) {
      expect(headers).toMatchObject({ 'waybill-dead-reason': id, 'waybill-dead-from': queue.name });
      expect(Math.abs(Number(headers['waybill-dead-at']) - Date.now())).toBeLessThan(60_000);
    }
    expect(buried.find(({ id }) => id === 'rejected')!.headers['a']).toBe('b');
  });

  test('an expired message behind one that has not expired is not delivered', async () => {
    const queue = await newQueue(link);
    const dead = await newQueue(link);
    const clock = await newQueue(link, { deadLetter: dead.name });
    await store(link, queue, [message('a'), message('b', { ttlMs: 100 }), message('c', { ttlMs: 60_000 })]);
    await store(link, clock, [message('time is over', { ttlMs: 200 })]);
    await (await consume(link, dead)).take(1);
    expect((await (await consume(link, queue)).take(2)).map(({ id }) => id)).toEqual(['a', 'c']);
  });

  test('never more than maxInFlight are out, and pulling less leaves the rest in order', async () => {
    const queue = await newQueue(link);
    await store(link, queue, messages(30));
    const consumer = await consume(link, queue, { maxInFlight: 5 });
    const five = await consumer.take(5);
    expect(await consumer.takeWithin(200)).toEqual([]);
    await consumer.settle(accept, five[0]!, five[1]!);
    expect((await consumer.take(2)).map(({ id }) => id)).toEqual(['m5', 'm6']);
    expect(await consumer.takeWithin(200)).toEqual([]);
  });

  test('at-most-once: what was pulled never comes again, what was not pulled does', async () => {
    const queue = await newQueue(link);
    await store(link, queue, messages(20));
    const first = await open(broker.url);
    const consumer = await consume(first, queue, { delivery: 'at-most-once', maxInFlight: 8 });
    const got = await consumer.take(7);
    expect(got.map(({ id }) => id)).toEqual(messages(7).map(({ id }) => id));
    await first.close();
    await store(link, queue, [message('end')]);
    const rest = await (await consume(link, queue)).take(14);
    expect(rest.map(({ id }) => id)).toEqual([
      ...messages(20)
        .slice(7)
        .map(({ id }) => id),
      'end',
    ]);
  });

  test('an ordered queue has one consumer at a time, and the next takes over', async () => {
    const queue = await newQueue(link, { order: 'total' });
    await store(link, queue, messages(5));
    const first = await consume(link, queue);
    const second = await consume(link, queue);
    await first.settle(accept, ...(await first.take(5)).slice(0, 2));
    expect(await second.takeWithin(200)).toEqual([]);
    await first.receiver.close();
    expect((await second.take(3)).map(({ id }) => id)).toEqual(['m2', 'm3', 'm4']);
  });

  test('a queue deleted under its consumer rejects the pull, ends the receiver, and opening another fails', async () => {
    const queue = await newQueue(link);
    await store(link, queue, messages(1));
    const consumer = await consume(link, queue);
    const [held] = await consumer.take(1);
    const pulling = failureOf(consumer.lane.pull(1, never));
    await link.admin!.remove!({ priority: false, ttl: false, delay: false, ...queue });
    expect(String(await pulling)).toMatch(/cancelled the consumer/);
    expect(await consumer.receiver.closed).toBeInstanceOf(WaybillError);
    expect(await consumer.receiver.settle([{ receipt: held!.receipt, outcome: 'accept' }])).toEqual([
      { index: 0, outcome: 'lost' },
    ]);
    await expect(consume(link, queue)).rejects.toThrow(/404/);
    await consumer.receiver.close();
  });

  test('a settlement after the link died is inert: it takes nothing from the next consumer', async () => {
    const queue = await newQueue(link);
    await store(link, queue, messages(2));
    const first = await open(broker.url);
    const old = await consume(first, queue);
    const held = await old.take(2);
    await first.close();
    const next = await consume(link, queue);
    const again = await next.take(2);
    expect(await old.receiver.settle(held.map(({ receipt }) => ({ receipt, outcome: 'accept' })))).toEqual(
      [0, 1].map((index) => ({ index, outcome: 'lost' })),
    );
    await next.receiver.close();
    expect((await (await consume(link, queue)).take(2)).map(({ id }) => id)).toEqual(again.map(({ id }) => id));
  });

  test('a settlement while the link says goodbye is lost, and the message comes again', async () => {
    const queue = await newQueue(link);
    await store(link, queue, messages(1));
    const first = await open(broker.url);
    const consumer = await consume(first, queue);
    const [held] = await consumer.take(1);
    const closing = first.close();
    expect(await consumer.receiver.settle([{ receipt: held!.receipt, ...accept }])).toEqual([
      { index: 0, outcome: 'lost' },
    ]);
    await closing;
    expect((await (await consume(link, queue)).take(1)).map(({ id }) => id)).toEqual(['m0']);
  });

  test('depth counts what waits, purge empties it', async () => {
    const queue = await newQueue(link);
    await store(link, queue, messages(25));
    expect(await depthIs(link, queue, 25)).toBe(25);
    await link.admin!.purge!(queue);
    expect(await depthIs(link, queue, 0)).toBe(0);
  });

  test('a reply inbox is reached by its address, and a gone one is unroutable', async () => {
    const inbox = await consume(link, { kind: 'reply' });
    const address = { kind: 'reply', name: inbox.receiver.address! } as const;
    expect((await link.send(address, [message('answer', { correlationId: 'c' })])).unsent).toEqual([]);
    const [answer] = await inbox.take(1);
    expect([answer!.id, answer!.correlationId]).toEqual(['answer', 'c']);
    await inbox.receiver.close();
    const code = await waitFor('the inbox to be gone', async () => {
      const [late] = (await link.send(address, [message('late')])).unsent;
      return WaybillError.is(late?.error, 'unroutable') ? late.outcome : undefined;
    });
    expect(code).toBe('rejected');
  });

  test('ping is a round trip, and obeys its signal', async () => {
    await link.ping(never);
    await expect(link.ping(AbortSignal.abort())).rejects.toThrow(/signal/);
  });
});
