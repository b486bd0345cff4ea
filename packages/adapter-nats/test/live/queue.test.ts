import { nats } from '@waybill/adapter-nats';
import { type Nats, natsLines, startNats, waitFor } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accept,
  consume,
  declare,
  failed,
  failureOf,
  idsOf,
  message,
  messages,
  type NatsLink,
  never,
  newQueue,
  open,
  outcomesOf,
  place,
  queueOf,
  read,
  reject,
  store,
} from './support.ts';

describe.each(natsLines)('queues and streams on NATS %s', (line) => {
  let server: Nats;
  let link: NatsLink & AsyncDisposable;
  beforeAll(async () => {
    server = await startNats({ line, name: 'adapter-queue' });
    link = await open(server.url);
  });
  afterAll(async () => {
    await link[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  test('a queue in order has one owner at a time; the next one begins with the oldest that is not settled', async () => {
    const queue = await newQueue(link, { order: 'key' });
    await using other = await open(server.url);
    const first = await consume(link, queue);
    const waiting = consume(other, queue);
    for (const one of messages(20)) await store(link, queue, [one]);
    const got = await first.take(20);
    await first.settle(accept, ...got.filter((_, index) => index % 2 === 0));
    await first.receiver.close();
    const second = await waiting;
    expect(idsOf(await second.take(10))).toEqual(idsOf(messages(20).filter((_, index) => index % 2 === 1)));
    expect(await first.receiver.settle([{ receipt: got[1]!.receipt, outcome: 'accept' }])).toEqual([
      { index: 0, outcome: 'lost' },
    ]);
    await second.receiver.close();
  });

  test('an owner that holds messages for long stays the owner; one that says nothing does not', async () => {
    const queue = await newQueue(link, { order: 'total' });
    await using other = await open(server.url);
    await store(link, queue, messages(2));
    const first = await consume(link, queue, { leaseMs: 1000, maxInFlight: 1 });
    const [held] = await first.take(1);
    let isTaken = false;
    const waiting = consume(other, queue, { leaseMs: 1000 }).then((second) => ((isTaken = true), second));
    for (let round = 0; round < 12; round++) {
      await first.receiver.extend([held!.receipt]);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    expect(isTaken).toBe(false);
    const second = await waiting;
    expect(idsOf(await second.take(2))).toEqual(['m0', 'm1']);
    const late = failureOf(first.lane.pull(1, AbortSignal.timeout(5000)));
    expect(String(await late)).toMatch(/gone|Nobody answers|silent/);
    await second.receiver.close();
  });

  test('an owner whose process stood still hands out nothing of what came meanwhile', async () => {
    const queue = await newQueue(link, { order: 'total' });
    await using other = await open(server.url);
    const { lane, receiver } = await consume(other, queue, { leaseMs: 1000 });
    const pulling = failureOf(lane.pull(3, never));
    await other.ping(never);
    const sent = store(link, queue, messages(3));
    await new Promise((resolve) => setImmediate(resolve));
    // They come while nothing runs here, and the server gives the consumer up.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000);
    expect(await pulling).toMatchObject({ code: 'lease-lost', message: expect.stringMatching(/stood still/) });
    expect(await receiver.closed).toMatchObject({ code: 'lease-lost' });
    await sent;
    const next = await consume(link, queue);
    expect(idsOf(await next.take(3))).toEqual(idsOf(messages(3)));
    await next.receiver.close();
  });

  test('what failed waits as long as it was told, and what was rejected is gone', async () => {
    const queue = await newQueue(link);
    await store(link, queue, messages(3));
    const consumer = await consume(link, queue);
    const [one, two, three] = await consumer.take(3);
    const since = performance.now();
    await consumer.settle({ outcome: 'release', delayMs: 700, failed: true }, one!);
    await consumer.settle(failed, two!);
    await consumer.settle(reject, three!);
    expect((await consumer.take(1)).map(({ id, attempt }) => [id, attempt])).toEqual([['m1', 2]]);
    expect((await consumer.take(1)).map(({ id, attempt }) => [id, attempt])).toEqual([['m0', 2]]);
    expect(performance.now() - since).toBeGreaterThan(650);
    expect(await consumer.takeWithin(300)).toEqual([]);
  });

  test('a second send of one send id is dropped, and a delayed one is kept by a server that can', async () => {
    const queue = await newQueue(link, { delay: true });
    await store(link, queue, [message('a'), message('a'), message('a', { sendId: 'another' })]);
    const consumer = await consume(link, queue);
    expect(idsOf(await consumer.take(2))).toEqual(['a', 'a']);
    const isNative = link.capabilities.queue !== 'none' && link.capabilities.queue.delay === 'native';
    expect(isNative).toBe(line === '2.15');
    if (!isNative) return;
    const since = performance.now();
    await store(link, queue, [message('later', { delayMs: 600 }), message('later', { delayMs: 600 }), message('now')]);
    expect(await link.admin!.depth(queue)).toMatchObject({ delayed: 1 });
    expect(idsOf(await consumer.take(2))).toEqual(['now', 'later']);
    expect(performance.now() - since).toBeGreaterThan(590);
    expect(await link.admin!.depth(queue)).toMatchObject({ delayed: 0 });
  });

  test('a place that exists and differs is told with property and both values, and is not changed', async () => {
    const where = place();
    await declare(link, queueOf(where));
    expect(await link.declare!([queueOf({ ...where, order: 'total' })], 'create')).toMatchObject([
      { property: 'description', wanted: 'Waybill queue in order', found: 'Waybill queue' },
    ]);
    expect(await link.declare!([queueOf({ ...where, native: { storage: 'memory' } })], 'verify')).toMatchObject([
      { property: 'storage', wanted: 'memory', found: 'file' },
    ]);
    const topic = { kind: 'topic', ...place() } as const;
    const kept = { kind: 'subscription', topic: topic.name, name: 'kept', order: 'none' } as const;
    await declare(link, topic, kept);
    expect(await link.declare!([{ ...kept, filter: { pattern: 'a.*' } }], 'create')).toMatchObject([
      { property: 'filter', found: 'everything' },
    ]);
    expect(await link.declare!([queueOf(place())], 'verify')).toMatchObject([
      { property: 'existence', found: 'nothing' },
    ]);
  });

  test('a full stream refuses what is above its limit, and takes it again when there is room', async () => {
    const queue = await newQueue(link, { native: { config: { max_msgs: 2 } } });
    const sent = await link.send(queue, messages(3));
    expect(outcomesOf(sent)).toEqual(['2 rejected']);
    expect(nats().classify(sent.unsent[0]!.error)).toBe('overloaded');
    const consumer = await consume(link, queue);
    await consumer.settle(accept, ...(await consumer.take(2)));
    // A server removes what is accepted a moment later than it takes the acceptance.
    const isStored = async (): Promise<true | undefined> =>
      (await link.send(queue, [message('m2', { sendId: 'again' })])).unsent.length === 0 || undefined;
    await waitFor('room in the stream', isStored);
    expect(idsOf(await consumer.take(1))).toEqual(['m2']);
  });

  test('places that are not there are not-found, and named, wherever they are met', async () => {
    const missing = { kind: 'queue', ...place() } as const;
    const { unsent } = await link.send(missing, messages(2));
    expect(unsent).toMatchObject([
      { outcome: 'rejected', error: { code: 'not-found' } },
      { outcome: 'rejected', error: { code: 'not-found' } },
    ]);
    expect(String(unsent[0]!.error)).toContain(missing.name);
    for (const source of [
      missing,
      { ...missing, order: 'key' },
      { kind: 'stream', ...place(), from: 'earliest' },
      { kind: 'topic', ...place() },
    ] as const)
      expect(await failureOf(consume(link, source))).toMatchObject({ code: 'not-found' });
    const topic = { kind: 'topic', ...place() } as const;
    await declare(link, topic);
    expect(await failureOf(consume(link, { ...topic, subscription: 'nobody' }))).toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/no subscription "nobody"/),
    });
  });

  test('positions are sequences; one that was trimmed away, lies beyond the end or is none is refused', async () => {
    const log = { kind: 'stream', ...place() } as const;
    await declare(link, log);
    const sent = await link.send(log, messages(5));
    expect([0, 4].map((index) => sent.position?.(index))).toEqual(['1', '5']);
    const after = (position: string) =>
      read(link, { ...log, from: { after: { '': position }, otherwise: 'earliest' } });
    const { lane, receiver } = await after('3');
    expect((await lane.pull(10, AbortSignal.timeout(5000))).map(({ id, position }) => [id, position])[0]).toEqual([
      'm3',
      '4',
    ]);
    await lane.seek!('earliest');
    expect(idsOf(await lane.pull(1, AbortSignal.timeout(5000)))).toEqual(['m0']);
    await receiver.close();
    await link.admin!.purge!({ ...log, from: 'earliest' });
    await store(link, log, [message('new')]);
    expect(await failureOf(after('3'))).toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/first message is 6/),
    });
    expect(await failureOf(after('60'))).toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/it ends at 6/),
    });
    expect(await failureOf(after('x'))).toMatchObject({ code: 'invalid' });
    expect(idsOf(await (await after('5')).lane.pull(1, AbortSignal.timeout(5000)))).toEqual(['new']);
  });
});

describe('permissions on NATS 2.15', () => {
  test('a subject that may not be published to is denied, at once and for certain', async () => {
    const configuration = {
      authorization: {
        users: [
          { user: 'admin', password: 'p' },
          { user: 'reader', password: 'p', permissions: { publish: { deny: 'waybill.queue.>' } } },
        ],
      },
    };
    await using server = await startNats({ line: '2.15', name: 'adapter-permissions', configuration });
    const as = (username: string) => open({ url: server.url, credentials: { username, password: 'p' } });
    await using admin = await as('admin');
    const queue = await newQueue(admin);
    await using link = await as('reader');
    const since = performance.now();
    const sent = await link.send(queue, messages(3));
    expect(performance.now() - since).toBeLessThan(2_000);
    expect(outcomesOf(sent)).toEqual(['0 rejected', '1 rejected', '2 rejected']);
    expect(nats().classify(sent.unsent[0]!.error)).toBe('denied');
  });

  test('a server without JetStream is unsupported', async () => {
    await using server = await startNats({
      line: '2.15',
      name: 'adapter-permissions',
      configuration: { accounts: { A: { users: [{ user: 'a', password: 'p' }] } } },
    });
    const failure = await failureOf(open({ url: server.url, credentials: { username: 'a', password: 'p' } }));
    expect(failure).toMatchObject({ code: 'unsupported', message: expect.stringMatching(/no JetStream/) });
  });
});
