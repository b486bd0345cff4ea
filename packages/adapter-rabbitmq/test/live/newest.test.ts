import { acquireRabbitmq, type Broker } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  declare,
  failed,
  failureOf,
  message,
  messages,
  never,
  newQueue,
  open,
  place,
  queueOf,
  type RabbitLink,
  store,
  unrun,
} from './support.ts';

describe('what RabbitMQ has from 4.3 on', () => {
  let broker: Broker;
  let link: RabbitLink & AsyncDisposable;
  beforeAll(async () => {
    broker = await acquireRabbitmq({ line: '4.3' });
    link = await open(broker.url);
  });
  afterAll(async () => {
    await link[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  });

  test('a failure waits first × failures, at most the maximum, and what was not run comes back at once', async () => {
    const queue = await newQueue(link, { retry: { firstMs: 150, maxMs: 250 } });
    await store(link, queue, [message('a')]);
    const consumer = await consume(link, queue);
    const waits: number[] = [];
    let [got] = await consumer.take(1);
    for (const outcome of [failed, failed, failed, unrun]) {
      const since = performance.now();
      await consumer.settle(outcome, got!);
      [got] = await consumer.take(1);
      waits.push(performance.now() - since);
    }
    const [first, second, third, back] = waits as [number, number, number, number];
    for (const [wait, least] of [
      [first, 150],
      [second, 250],
      [third, 250],
    ] as const) {
      expect(wait).toBeGreaterThanOrEqual(least - 2);
      expect(wait).toBeLessThan(least + 140);
    }
    expect(back).toBeLessThan(140);
    expect(got!.attempt).toBe(4);
  });

  test('what is delayed keeps nobody else waiting', async () => {
    const queue = await newQueue(link, { retry: { firstMs: 5_000, maxMs: 5_000 } });
    await store(link, queue, messages(3));
    const consumer = await consume(link, queue, { maxInFlight: 1 });
    await consumer.settle(failed, ...(await consumer.take(1)));
    for (const id of ['m1', 'm2']) {
      const got = await consumer.take(1);
      expect(got.map((one) => one.id)).toEqual([id]);
      await consumer.settle(accept, ...got);
    }
  });

  test.each([
    { firstMs: 0, maxMs: 10 },
    { firstMs: 10, maxMs: 9 },
    { firstMs: 1.5, maxMs: 10 },
    { firstMs: 10, maxMs: Infinity },
  ])('times that the server would swallow are refused: %o', async (retry) => {
    const where = place();
    await expect(declare(link, queueOf(where, { retry }))).rejects.toThrow(/whole milliseconds/);
    await expect(consume(link, { kind: 'queue', ...where })).rejects.toThrow(/404/);
  });

  test('a schedule that changed is a mismatch that names it', async () => {
    const queue = await newQueue(link, { retry: { firstMs: 100, maxMs: 1_000 } });
    const found = await link.declare!([queueOf(queue, { retry: { firstMs: 200, maxMs: 1_000 } })], 'create');
    expect(found.map(({ property, wanted, found: there }) => [property, wanted, there])).toEqual([
      ['x-delayed-retry-min', '200', '100'],
    ]);
  });

  test('a classic queue cannot keep retries, and says so', async () => {
    await expect(
      declare(link, queueOf(place({ native: { queueType: 'classic' } }), { retry: { firstMs: 1, maxMs: 2 } })),
    ).rejects.toThrow(/classic queue/);
  });

  test('the higher priority comes first, and within one the older', async () => {
    const queue = await newQueue(link, { priority: true });
    const priorities = [0, 9, 5, undefined, 9, 1];
    await store(
      link,
      queue,
      priorities.map((priority, index) => message(`m${index}`, { priority })),
    );
    const consumer = await consume(link, queue, { maxInFlight: 1 });
    const ids: (string | undefined)[] = [];
    for (const _ of priorities) {
      const got = await consumer.take(1);
      ids.push(got[0]!.id);
      await consumer.settle(accept, ...got);
    }
    expect(ids).toEqual(['m1', 'm4', 'm2', 'm3', 'm5', 'm0']);
  });

  test('a delivery held longer than the consumer timeout ends the receiver, and comes again', async () => {
    const queue = await newQueue(link, { native: { arguments: { 'x-consumer-timeout': 1_000 } } });
    await store(link, queue, [message('a')]);
    const consumer = await consume(link, queue);
    const [held] = await consumer.take(1);
    expect(String(await failureOf(consumer.lane.pull(1, never)))).toMatch(/consumer timeout/);
    expect(await consumer.receiver.settle([{ receipt: held!.receipt, ...accept }])).toEqual([
      { index: 0, outcome: 'lost' },
    ]);
    expect((await (await consume(link, queue)).take(1)).map(({ id }) => id)).toEqual(['a']);
  });

  test('the ceiling is what 4.3 can do, and 3.10 is lowered from it', async () => {
    expect(link.capabilities.queue).toMatchObject({
      release: 'linear',
      attempts: 'failures',
      priority: 'native',
      limits: { maxBytes: 16 << 20 },
    });
    await using old = await acquireRabbitmq({ line: '3.10' });
    await using older = await open(old.url);
    expect(older.capabilities.queue).toMatchObject({
      release: 'immediate',
      attempts: 'deliveries',
      priority: 'none',
      limits: { maxBytes: 128 << 20 },
    });
    await expect(declare(older, queueOf(place(), { retry: { firstMs: 1, maxMs: 2 } }))).rejects.toThrow(/from 4\.3 on/);
  });
});
