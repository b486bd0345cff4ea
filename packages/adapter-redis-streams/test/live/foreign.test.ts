import { connect, queue, type } from '@waybill/core';
import { redisLines, startRedis, waitFor } from '@waybill/testbed';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, test } from 'vitest';
import { accept, consume, message, newQueue, open, place, queueOf, read, store, textOf } from './support.ts';

describe.each(redisLines)('others on %s', async (line) => {
  const server = await startRedis({ line });
  const raw = new Redis(server.url);
  afterAll(async () => {
    raw.disconnect();
    await server[Symbol.asyncDispose]();
  });
  const streamOf = (name: string): string => `waybill:queue:{${name}}`;

  test('redis-cli sends what a handler gets: fields of its own are headers', async () => {
    const name = place().name;
    const bus = await connect(server.url, { jobs: queue(name, { schema: type<{ n: number }>() }) });
    try {
      const seen: unknown[] = [];
      await bus.jobs.consume((job, { headers, attempt }) => void seen.push([job, headers, attempt]));
      await server.control('XADD', streamOf(name), '*', 'body', '{"n":7}', 'color', 'blue');
      await waitFor('the message', () => seen[0]);
      expect(seen).toEqual([[{ n: 7 }, { color: 'blue' }, 1]]);
    } finally {
      await bus.close();
    }
  });

  test('redis-cli reads what we send, body and headers as they are', async () => {
    await using link = await open(server.url);
    const jobs = await newQueue(link);
    await store(link, jobs, [message('told', { headers: { color: 'blue' }, key: 'k' })]);
    const text = await server.control('XRANGE', streamOf(jobs.name), '-', '+');
    expect(text).toContain('"told"');
    const [, , , , headers] = text.trim().split('\n');
    expect(JSON.parse(headers!)).toMatchObject({ color: 'blue', 'waybill-id': 'told', 'waybill-key': 'k' });
  });

  test('a hand-written ioredis loop shares a queue with us: each message once', async () => {
    await using link = await open(server.url);
    const jobs = await newQueue(link);
    const stream = streamOf(jobs.name);
    for (let n = 0; n < 20; n++) await raw.xadd(stream, '*', 'body', `${n}`);
    const [[, theirs]] = (await raw.xreadgroup('GROUP', 'waybill', 'raw', 'COUNT', 8, 'STREAMS', stream, '>')) as [
      [string, [string, string[]][]],
    ];
    const taker = await consume(link, jobs);
    const ours = await taker.take(12);
    await taker.settle(accept, ...ours);
    await raw.xack(stream, 'waybill', ...theirs.map(([id]) => id));
    const texts = [...theirs.map(([, fields]) => fields[1]), ...ours.map(textOf)];
    expect(texts.map(Number).sort((one, other) => one - other)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(
      ours.every(
        ({ id, sentAt, contentType }) => id === undefined && sentAt === undefined && contentType === undefined,
      ),
    ).toBe(true);
  });

  test('bytes that are no text, no body, no headers, headers that are not ours: nothing is lost or guessed', async () => {
    await using link = await open(server.url);
    const jobs = await newQueue(link);
    const stream = streamOf(jobs.name);
    await raw.xadd(stream, '*', 'body', Buffer.from([0, 255, 13, 10]), Buffer.from([0xff]), Buffer.from([0xfe]));
    await raw.xadd(stream, '*', 'no', 'body');
    await raw.xadd(stream, '*', 'body', 'x', 'headers', 'not json');
    await raw.xadd(stream, '*', 'body', 'y', 'headers', '{"n":1,"deep":{"a":true}}');
    await raw.xadd(
      stream,
      '*',
      'body',
      'z',
      'color',
      'red',
      'color',
      'blue',
      'waybill-failures',
      'many',
      'constructor',
      'c',
      '__proto__',
      'p',
    );
    const found = await (await consume(link, jobs)).take(5);
    expect(found.map(({ body }) => body && Buffer.from(body).toString('hex'))).toEqual([
      '00ff0d0a',
      null,
      '78',
      '79',
      '7a',
    ]);
    expect(found.map(({ headers }) => headers)).toEqual([
      { '\udcff': '\udcfe' },
      { no: 'body' },
      { headers: 'not json' },
      { n: '1', deep: '{"a":true}' },
      JSON.parse('{"color":"red","constructor":"c","__proto__":"p"}'),
    ]);
    expect(found.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);
  });

  test('a delayed retry keeps every field of a foreign message, bytes and all', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const jobs = await newQueue(link);
    await raw.xadd(
      streamOf(jobs.name),
      '*',
      'body',
      Buffer.from([0, 255]),
      'name',
      Buffer.from([200]),
      'name',
      'twice',
    );
    const taker = await consume(link, jobs);
    const [first] = await taker.take(1);
    await taker.settle({ outcome: 'release', delayMs: 30, failed: true }, first!);
    const [again] = await taker.take(1);
    const hex = (again!.native as { fields: readonly Buffer[] }).fields.map((field) => field.toString('hex'));
    const text = (word: string): string => Buffer.from(word).toString('hex');
    expect(hex).toEqual([
      text('body'),
      '00ff',
      text('name'),
      'c8',
      text('name'),
      text('twice'),
      text('waybill-failures'),
      text('1'),
    ]);
    expect(again!.attempt).toBe(2);
  });

  test('a key and a body field that exist already', async () => {
    await using link = await open(server.url);
    const key = `orders.${place().name}`;
    await raw.xadd(key, '*', 'data', 'from before', 'kind', 'old');
    const jobs = await newQueue(link, { native: { key, bodyField: 'data' } });
    await store(link, jobs, [message('new')]);
    const found = await (await consume(link, jobs)).take(2);
    expect(found.map(textOf)).toEqual(['from before', '"new"']);
    expect(await raw.xlen(key)).toBe(2);
  });

  test('a key of another type is a mismatch; a stream of others is read as it is', async () => {
    await using link = await open(server.url);
    const where = place();
    await raw.set(streamOf(where.name), 'a string');
    const [difference] = await link.declare!([queueOf(where)], 'create');
    expect(difference).toMatchObject({ property: 'type' });
    const key = `log.${where.name}`;
    await raw.xadd(key, '*', 'body', 'theirs');
    const lane = await read(link, { kind: 'stream', ...place({ native: { key } }), from: 'earliest' });
    expect((await lane.pull(1, AbortSignal.timeout(5_000))).map(textOf)).toEqual(['theirs']);
  });

  test('a group that others made on the stream of a queue sees everything and takes nothing from us', async () => {
    await using link = await open(server.url);
    const jobs = await newQueue(link);
    const stream = streamOf(jobs.name);
    await raw.xgroup('CREATE', stream, 'audit', '0');
    await store(link, jobs, [message('one')]);
    await raw.xreadgroup('GROUP', 'audit', 'auditor', 'STREAMS', stream, '>');
    const taker = await consume(link, jobs);
    const [one] = await taker.take(1);
    await taker.settle(accept, one!);
    expect(await raw.xlen(stream)).toBe(0);
  });
});
