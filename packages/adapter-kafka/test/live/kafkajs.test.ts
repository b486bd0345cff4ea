import { Producer } from '@platformatic/kafka';
import { startKafka, waitFor } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import { runConsole } from './console.ts';
import type { KafkaConnections } from '@waybill/adapter-kafka';
import { brokersOf, message, messages, newStream, open, read, store } from './support.ts';

// What was seen to go wrong with kafkajs on its own: each has its case here, over the same library.

const broker = await startKafka({ line: '4.3' });
afterAll(() => broker[Symbol.asyncDispose]());

const url = `${broker.url}?client=kafkajs&sessionTimeoutMs=6000`;
const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const;

describe('with kafkajs', () => {
  // Its consumer ends without a word at the first message with a codec that it lacks, which is all but gzip.
  // Java alone frames snappy in a way of its own.
  test.each(['snappy', 'lz4'])('what Java compressed with %s is read', async (codec) => {
    await using link = await open(url);
    const log = await newStream(link);
    const lines = Array.from({ length: 200 }, (_, index) => `line ${index} ${'again '.repeat(20)}\n`);
    await runConsole('producer', url, ['--topic', log.name, '--compression-codec', codec], lines.join(''));
    const got = await (await read(link, { ...log, from: 'earliest' })).take(200);
    expect(got.map(({ body }) => `${Buffer.from(body!).toString()}\n`)).toEqual(lines);
  });

  test.each(codecs)('what the other client library compressed with %s is read', async (codec) => {
    await using link = await open(url);
    const log = await newStream(link);
    await using producer = Object.assign(new Producer({ clientId: 'foreign', bootstrapBrokers: brokersOf(url) }), {
      async [Symbol.asyncDispose]() {
        await producer.close();
      },
    });
    const values = Array.from({ length: 50 }, (_, index) => Buffer.from(`${index} ${'again '.repeat(50)}`));
    await producer.send({
      acks: -1,
      compression: codec,
      messages: values.map((value) => ({ topic: log.name, value })),
    });
    const got = await (await read(link, { ...log, from: 'earliest' })).take(50);
    expect(got.map(({ body }) => Buffer.from(body!))).toEqual(values);
  });

  test('what is sent with any compression is read by Java', async () => {
    await using link = await open(url);
    const log = await newStream(link);
    for (const codec of codecs) {
      await using compressing = await open(`${url}&compression=${codec}`);
      await store(compressing, log, messages(100, { body: Buffer.from(codec) }));
    }
    const read = ['--topic', log.name, '--from-beginning', '--max-messages', '400'];
    const lines = (await runConsole('consumer', url, read)).trim().split('\n');
    expect(lines).toEqual(codecs.flatMap((codec) => Array.from({ length: 100 }, () => codec)));
  });

  // Its producer takes headers by name, and fails at one without a value.
  test('repeated headers, headers without a value, tombstones and empty keys go through', async () => {
    await using link = await open(url);
    const log = await newStream(link);
    const headers = [
      [Buffer.from('twice'), Buffer.from('first')],
      [Buffer.from('twice'), Buffer.from('second')],
      [Buffer.from('twice'), null],
    ] as const;
    await store(link, log, [
      message('one', { key: '', body: null, headers: { twice: 'first' }, copyOf: { key: null, value: null, headers } }),
    ]);
    for (const other of [url, broker.url]) {
      await using reader = await open(other);
      const [got] = await (await read(reader, { ...log, from: 'earliest' })).take(1);
      expect(got).toMatchObject({ key: '', body: null });
      const native = got!.native as { headers: [Buffer, Buffer | null][] };
      const values = native.headers.filter(([name]) => name.toString() === 'twice').map(([, value]) => value);
      expect(values.map((value) => value?.toString() ?? null)).toEqual(['first', 'second', null]);
    }
  });

  // Its groups speak RoundRobinAssigner, which no other client does: the second kind to come never gets in.
  test('a group may have members with either client library, which share its partitions', async () => {
    await using here = await open(url);
    await using there = await open(`${broker.url}?sessionTimeoutMs=6000`);
    const log = await newStream(here, 4);
    const source = { ...log, group: `g-${log.name}`, from: 'earliest' } as const;
    await store(here, log, messages(40));
    const first = await read(here, source);
    await waitFor('all of it', async () => first.lanes.size === 4 || undefined);
    const second = await read(there, source);
    await waitFor('half of it', async () => (first.lanes.size === 2 && second.lanes.size === 2) || undefined);
    const ids = [...(await first.take(20)), ...(await second.take(20))].map(({ id }) => id);
    expect(new Set(ids).size).toBe(40);
    // Who leads the group leaves it to the other.
    await first.receiver.close();
    await waitFor('all of it again', async () => second.lanes.size === 4 || undefined);
    const third = await read(here, source);
    await waitFor('half of it again', async () => (third.lanes.size === 2 && second.lanes.size === 2) || undefined);
    await Promise.all([second.receiver.close(), third.receiver.close()]);
  });

  // Its consumer fetches a broker again only when everything of the last fetch was handled.
  test('a partition that nobody takes from does not hold up another', async () => {
    await using link = await open(url);
    const log = await newStream(link, 2);
    const half = (partition: number) => messages(3000, { body: Buffer.alloc(1000), native: { partition } });
    await store(link, log, half(0));
    await store(link, log, half(1));
    const reading = await read(link, { ...log, from: 'earliest' });
    const lane = await reading.lane(1);
    let taken = 0;
    const deadline = AbortSignal.timeout(10_000);
    while (taken < 3000 && !deadline.aborted) taken += (await lane.pull(100, deadline)).length;
    expect(taken).toBe(3000);
    await reading.receiver.close();
  });

  // It sets a timer again and again, with a time that is past, for as long as it is connected.
  test('nothing warns, and an idle link does next to nothing', async () => {
    const warnings: unknown[] = [];
    const keep = (warning: unknown): void => void warnings.push(warning);
    process.on('warning', keep);
    await using link = await open(url);
    const log = await newStream(link);
    await store(link, log, messages(10));
    const reading = await read(link, { ...log, from: 'earliest' });
    await reading.take(10);
    const before = process.cpuUsage();
    await reading.takeWithin(2000);
    const { user, system } = process.cpuUsage(before);
    process.off('warning', keep);
    expect(warnings).toEqual([]);
    expect((user + system) / 1000).toBeLessThan(500);
    await reading.receiver.close();
  });

  test('its connections are told as what they are', async () => {
    await using link = await open(url);
    const { client, connections } = link.native as Extract<KafkaConnections, { client: 'kafkajs' }>;
    expect(client).toBe('kafkajs');
    expect(connections.map((one) => [`${one.host}:${one.port}`, one.isConnected()])).toEqual([
      [new URL(url).host, true],
    ]);
  });
});
