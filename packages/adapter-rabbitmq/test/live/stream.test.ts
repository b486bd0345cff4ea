import type { From, Place } from '@waybill/core/driver';
import { acquireRabbitmq, type Broker, rabbitmqLines } from '@waybill/testbed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  collect,
  declare,
  failureOf,
  message,
  messages,
  never,
  open,
  outcomesOf,
  place,
  read,
  type RabbitLink,
  store,
} from './support.ts';

describe.each(rabbitmqLines)('streams on RabbitMQ %s', (line) => {
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

  type Stream = { readonly kind: 'stream' } & Place;
  async function newStream(): Promise<Stream> {
    const stream = { kind: 'stream', ...place({ order: 'total' }) } as const;
    await declare(link, { ...stream, retentionMs: 3_600_000 });
    return stream;
  }
  const from = (stream: Stream, where: From, maxInFlight = 100) =>
    read(link, { ...stream, from: where }, { maxInFlight });
  const idsFrom = async (stream: Stream, where: From, many: number): Promise<(string | undefined)[]> =>
    (await collect((await from(stream, where)).lane, many)).map(({ id }) => id);
  const ids = (first: number, end: number): string[] =>
    Array.from({ length: end - first }, (_, index) => `m${first + index}`);

  test('is read from the beginning as often as one likes, in order, with more messages than credit', async () => {
    const stream = await newStream();
    await store(link, stream, messages(500, { headers: { a: 'b' }, key: 'k' }));
    for (let reader = 0; reader < 2; reader++) {
      const { lane, receiver } = await from(stream, 'earliest', 10);
      const got = await collect(lane, 500);
      expect(got.map(({ id }) => id)).toEqual(ids(0, 500));
      expect([got[0]!.headers, got[0]!.key, got[0]!.attempt, got[0]!.routingKey]).toEqual([
        { a: 'b' },
        'k',
        undefined,
        undefined,
      ]);
      await receiver.close();
      expect(await receiver.closed).toBeUndefined();
    }
  });

  test('goes on after a position, and begins elsewhere where none is known', async () => {
    const stream = await newStream();
    await store(link, stream, messages(100));
    const got = await collect((await from(stream, 'earliest')).lane, 42);
    const after = { '': got.at(-1)!.position };
    expect(await idsFrom(stream, { after, otherwise: 'earliest' }, 58)).toEqual(ids(42, 100));
    expect(await idsFrom(stream, { after: {}, otherwise: 'earliest' }, 1)).toEqual(['m0']);
  });

  test('latest is from now on', async () => {
    const stream = await newStream();
    await store(link, stream, messages(10));
    const { lane } = await from(stream, 'latest');
    await store(link, stream, [message('new')]);
    expect((await collect(lane, 1)).map(({ id }) => id)).toEqual(['new']);
  });

  test('a time begins at the first message of that millisecond, though the broker knows whole chunks and seconds', async () => {
    const stream = await newStream();
    const start = Date.now();
    await store(
      link,
      stream,
      Array.from({ length: 200 }, (_, index) => message(`m${index}`, { sentAt: start - 1000 + index * 10 })),
    );
    const { lane } = await from(stream, { timestamp: start - 1000 + 1234 });
    const got = await collect(lane, 200 - 124);
    expect(got.map(({ id }) => id)).toEqual(ids(124, 200));
  });

  test('a reader goes elsewhere, back and forth', async () => {
    const stream = await newStream();
    await store(link, stream, messages(60));
    const { lane } = await from(stream, 'earliest', 20);
    const got = await collect(lane, 30);
    await lane.seek!({ after: got[9]!.position });
    expect((await collect(lane, 50)).map(({ id }) => id)).toEqual(ids(10, 60));
    await lane.seek!('earliest');
    expect((await collect(lane, 60)).map(({ id }) => id)).toEqual(ids(0, 60));
    await lane.seek!('latest');
    await store(link, stream, [message('new')]);
    expect((await collect(lane, 1)).map(({ id }) => id)).toEqual(['new']);
  });

  test('a stream deleted under its reader rejects the pull, and one that is missing the opening', async () => {
    const stream = await newStream();
    const { lane, receiver } = await from(stream, 'earliest');
    const pulling = failureOf(lane.pull(1, never));
    await link.admin!.remove!(stream);
    expect(String(await pulling)).toMatch(/cancelled the consumer/);
    expect(await receiver.closed).toBeInstanceOf(Error);
    await expect(from(stream, 'earliest')).rejects.toThrow(/404/);
    expect(outcomesOf(await link.send(stream, [message('a')]))).toEqual(['0 rejected']);
  });

  test('what would close the whole connection is refused before', async () => {
    const stream = await newStream();
    const source = { ...stream, from: 'earliest' } as const;
    await expect(link.admin!.purge!(source)).rejects.toThrow(/cannot be purged/);
    await expect(read(link, { ...source, group: 'g' })).rejects.toThrow(/without a group/);
    await expect(from(stream, { after: { '': 'soon' }, otherwise: 'earliest' })).rejects.toThrow(/no position/);
    await link.ping(never);
  });
});
