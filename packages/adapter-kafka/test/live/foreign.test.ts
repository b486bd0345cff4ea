import { startKafka } from '@waybill/testbed';
import { connect, queue, stream, type } from '@waybill/core';
import { kafka } from '@waybill/adapter-kafka';
import { afterAll, describe, expect, test } from 'vitest';
import { runConsole } from './console.ts';
import { foreignProducer, foreignReader, message, messages, newStream, open, place, read, store } from './support.ts';

const broker = await startKafka({ line: '4.3' });
afterAll(() => broker[Symbol.asyncDispose]());

describe('a program that uses only the stock client', () => {
  test('is understood: keys, headers of every kind, no headers at all, tombstones, and bytes that are no text', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    await using producer = foreignProducer(broker.url);
    const odd = Buffer.from([0xff, 0x00, 0xc3]);
    await producer.send({
      acks: -1,
      messages: [
        { topic: log.name, value: Buffer.from('plain') },
        {
          topic: log.name,
          key: odd,
          value: Buffer.from('odd'),
          headers: new Map([
            [Buffer.from('twice'), Buffer.from('first')],
            [Buffer.from('twice'), Buffer.from('second')],
            [Buffer.from('constructor'), Buffer.from('a name like any other')],
            [Buffer.from('bytes'), odd],
          ]),
        },
      ],
    });
    const [plain, strange] = await (await read(link, { ...log, from: 'earliest' })).take(2);
    expect(Buffer.from(plain!.body!).toString()).toBe('plain');
    expect({ id: plain!.id, key: plain!.key, headers: { ...plain!.headers } }).toEqual({
      id: undefined,
      key: undefined,
      headers: {},
    });
    expect(Date.now() - plain!.sentAt!).toBeLessThan(60_000);
    expect({ ...strange!.headers }).toMatchObject({ twice: 'first', constructor: 'a name like any other' });

    // A copy, as of a dead letter, has the same bytes and every value of a repeated header.
    const copies = await newStream(link);
    await store(link, copies, [
      message('copy', { key: strange!.key, headers: { ...strange!.headers }, copyOf: strange!.native }),
    ]);
    await using reader = await foreignReader(broker.url, copies.name);
    const [copied] = await reader.take(1);
    expect(copied!.key).toEqual(odd);
    const values = (name: string): Buffer[] =>
      copied!.headerEntries.filter(([one]) => one.toString() === name).map(([, value]) => value);
    expect(values('twice').map(String)).toEqual(['first', 'second']);
    expect(values('bytes')).toEqual([odd]);
  });

  test('understands what is sent here, in the partitions that it expects', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link, 6);
    const keys = ['a', 'b', 'order-1', 'größe'];
    await store(
      link,
      log,
      keys.map((key) => message(key, { key, headers: { 'x-from': 'here' } })),
    );
    await using reader = await foreignReader(broker.url, log.name);
    const got = await reader.take(4);
    expect(new Map(got.map(({ key, value }) => [key.toString(), value.toString()]))).toEqual(
      new Map(keys.map((key) => [key, JSON.stringify(key)])),
    );
    for (const { headers } of got) expect([...headers].map(String)).toContain('x-from,here');
    // Computed with the Java client's partitioner for six partitions.
    const { compatibilityPartitioner } = await import('@platformatic/kafka');
    for (const one of got)
      expect(one.partition).toBe(
        Math.abs(compatibilityPartitioner({ topic: log.name, value: one.value }, one.key) % 6),
      );
  });

  test('feeds a queue, whose dead letter keeps what it sent', async () => {
    const name = place().name;
    const jobs = queue(name, { schema: type<{ readonly n: number }>(), retry: { attempts: 1 } });
    await using bus = await connect(kafka(broker.url), { jobs });
    await using producer = foreignProducer(broker.url);
    await producer.send({
      acks: -1,
      messages: [
        { topic: `queue.${name}`, key: Buffer.from('k'), value: Buffer.from('{"n":1}') },
        { topic: `queue.${name}`, key: Buffer.from('k'), value: Buffer.from('this is not JSON') },
      ],
    });
    const handled: number[] = [];
    await bus.jobs.consume(({ n }) => void handled.push(n));
    await using reader = await foreignReader(broker.url, `queue.${name}.dead`);
    const [dead] = await reader.take(1);
    expect(dead!.value.toString()).toBe('this is not JSON');
    expect(dead!.key.toString()).toBe('k');
    expect([...dead!.headers].map(([header]) => String(header))).toContain('waybill-dead-reason');
    expect(handled).toEqual([1]);
  });
});

describe("Kafka's own tools", () => {
  test('read what is sent here, from the console', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    await store(link, log, [message('one', { key: 'k', headers: { colour: 'grün' } })]);
    const options = ['key', 'headers'].flatMap((name) => ['--formatter-property', `print.${name}=true`]);
    const read = ['--topic', log.name, '--from-beginning', '--max-messages', '1', ...options];
    const [headers, key, value] = (await runConsole('consumer', broker.url, read)).trim().split('\t');
    expect({ key, value }).toEqual({ key: 'k', value: '"one"' });
    expect(headers!.split(',')).toEqual(expect.arrayContaining(['colour:grün', 'waybill-id:one']));
  });

  test('write what is read here, from the console', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link, 6);
    const options = ['parse.key=true', 'key.separator=:'].flatMap((one) => ['--reader-property', one]);
    const keys = ['a', 'b', 'order-1', 'größe'];
    const lines = keys.map((key) => `${key}:{"key":"${key}"}\n`).join('');
    await runConsole('producer', broker.url, ['--topic', log.name, ...options], lines);
    const reading = await read(link, { ...log, from: 'earliest' });
    const got = await reading.take(4);
    expect(new Map(got.map(({ key, body }) => [key, Buffer.from(body!).toString()]))).toEqual(
      new Map(keys.map((key) => [key, `{"key":"${key}"}`])),
    );
    // Java has put each key into the partition that is computed here.
    await store(
      link,
      log,
      keys.map((key) => message(`again ${key}`, { key })),
    );
    const partitionOf = new Map<string, Set<string>>();
    await using reader = await foreignReader(broker.url, log.name);
    for (const { key, partition } of await reader.take(8)) {
      const known = partitionOf.get(key.toString()) ?? new Set();
      partitionOf.set(key.toString(), known.add(String(partition)));
    }
    expect([...partitionOf.values()].map((all) => all.size)).toEqual([1, 1, 1, 1]);
  });

  test('show a group and its lag as the depth that is told here', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const source = { ...log, group: `g-${log.name}`, from: 'earliest' } as const;
    await store(link, log, messages(5));
    const reading = await read(link, source);
    const taken = await reading.take(2);
    await reading.receiver.commit!([{ lane: await reading.lane(), through: taken.at(-1)!.position }]);
    await reading.receiver.close();
    const shown = await broker.control('kafka-consumer-groups.sh', '--describe', '--group', source.group);
    const line = shown
      .split('\n')
      .find((one) => one.includes(log.name))!
      .split(/\s+/);
    expect(line.slice(2, 6)).toEqual(['0', '2', '5', '3']);
    expect(await link.admin!.depth(source)).toEqual({ ready: 3 });
  });

  test('read the settings that a destination asked for, and a difference is told when it is declared again', async () => {
    const name = place().name;
    const wanted = { partitions: 3, config: { 'cleanup.policy': 'compact', 'min.insync.replicas': '1' } };
    const log = stream(name, { schema: type<number>(), retentionMs: 3_600_000, native: { kafka: wanted } });
    await (await connect(kafka(broker.url), { log })).close();
    const shown = await broker.control('kafka-topics.sh', '--describe', '--topic', name);
    expect(shown).toMatch(/PartitionCount: 3/);
    expect(shown).toMatch(/cleanup\.policy=compact/);
    expect(shown).toMatch(/retention\.ms=3600000/);
    const other = stream(name, { schema: type<number>(), native: { kafka: { ...wanted, partitions: 4 } } });
    await expect(connect(kafka(broker.url), { other })).rejects.toMatchObject({
      code: 'mismatch',
      message: expect.stringMatching(/partitions: wanted 4, found 3/) as string,
    });
  });
});
