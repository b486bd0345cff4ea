import { startKafka } from '@waybill/testbed';
import { WaybillError } from '@waybill/core/driver';
import { afterAll, describe, expect, test } from 'vitest';
import { failureOf, message, messages, newStream, open, outcomesOf, read, store } from './support.ts';

const broker = await startKafka({ line: '4.3' });
afterAll(() => broker[Symbol.asyncDispose]());

describe('a stream', () => {
  test('keeps keys, headers and times as they were, and null bodies', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const sentAt = Date.UTC(2020, 1, 2, 3, 4, 5, 678);
    await store(link, log, [
      message('one', { key: 'größe', headers: { 'x-ü': 'wörd' }, correlationId: 'c', routingKey: 'a.b', sentAt }),
      message('gone', { key: 'größe', body: null }),
    ]);
    const [one, gone] = await (await read(link, { ...log, from: 'earliest' })).take(2);
    expect({ ...pick(one!), headers: one!.headers }).toEqual({
      id: 'one',
      key: 'größe',
      correlationId: 'c',
      routingKey: 'a.b',
      contentType: 'application/json',
      sentAt,
      position: '0',
      headers: { 'x-ü': 'wörd' },
    });
    expect(gone!.body).toBeNull();
  });

  test('is read from a time, to the millisecond, and from its end where nothing is as late', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const begun = Date.now();
    await store(
      link,
      log,
      [0, 1, 2].map((n) => message(`m${n}`, { sentAt: begun + n })),
    );
    const fromSecond = await read(link, { ...log, from: { timestamp: begun + 1 } });
    expect((await fromSecond.take(2)).map(({ id }) => id)).toEqual(['m1', 'm2']);
    const fromLater = await read(link, { ...log, from: { timestamp: begun + 1000 } });
    await store(link, log, [message('late', { sentAt: begun + 2000 })]);
    expect((await fromLater.take(1)).map(({ id }) => id)).toEqual(['late']);
  });

  test('is read again from where a lane is moved to, while it is consumed', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    await store(link, log, messages(10));
    const reading = await read(link, { ...log, group: `g-${log.name}`, from: 'earliest' });
    expect(await reading.take(10)).toHaveLength(10);
    const lane = await reading.lane();
    await lane.seek!({ after: '6' });
    expect((await reading.take(3)).map(({ position }) => position)).toEqual(['7', '8', '9']);
    await lane.seek!('earliest');
    expect((await reading.take(1))[0]!.position).toBe('0');
    await reading.receiver.close();
  });

  test('does not begin at a position whose records were trimmed away, and says what is left', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    await store(link, log, messages(10));
    await link.admin!.purge!({ ...log, from: 'earliest' });
    const after = { [`${log.name}/0`]: '3' };
    const error = await failureOf(read(link, { ...log, from: { after, otherwise: 'earliest' } }));
    expect(error).toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('the oldest that is kept has 10') as string,
    });
  });

  test('tells a group whose records were trimmed away, once, and goes on with what is left', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const source = { ...log, group: `g-${log.name}`, from: 'earliest' } as const;
    await store(link, log, messages(5));
    const first = await read(link, source);
    const [one] = await first.take(1);
    await first.receiver.commit!([{ lane: await first.lane(), through: one!.position }]);
    await first.receiver.close();
    await link.admin!.purge!(source);
    const second = await read(link, source);
    const lane = await second.lane();
    const error = await failureOf(lane.pull(1, AbortSignal.timeout(10_000)));
    expect(error).toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('the group goes on at 5') as string,
    });
    await store(link, log, [message('after')]);
    const third = await read(link, source);
    expect((await third.take(1))[0]!.id).toBe('after');
    await third.receiver.close();
  });

  test('goes on past records whose transaction was aborted, also where one producer aborts twice', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const { transactionsIn } = await import('./transactions.ts');
    await transactionsIn(broker.url, log.name, ['aborted', 'committed', 'aborted', 'aborted', 'committed']);
    await store(link, log, [message('last')]);
    const reading = await read(link, { ...log, from: 'earliest' });
    const got = await reading.take(3);
    expect(got.map(({ body }) => Buffer.from(body!).toString())).toEqual(['"committed 1"', '"committed 4"', '"last"']);
  });

  test('keeps the order of a key over a batch that a message beyond the limit of the topic stands in', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link, 1, { config: { 'max.message.bytes': '5000' } });
    const ordered = { ...log, order: 'key' } as const;
    const batch = [
      message('a', { key: 'k' }),
      message('b', { key: 'k', body: Buffer.alloc(10_000) }),
      message('c', { key: 'k' }),
    ];
    const sent = await link.send(ordered, batch);
    expect(outcomesOf(sent)).toEqual(['1 rejected', '2 rejected']);
    const [large] = sent.unsent.filter(({ index }) => index === 1);
    expect(String(large!.error)).toContain('MESSAGE_TOO_LARGE');
    expect((await (await read(link, { ...log, from: 'earliest' })).take(1)).map(({ id }) => id)).toEqual(['a']);
  });

  test('splits what is too much for one batch of a topic with a limit of its own', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link, 1, { config: { 'max.message.bytes': '5000' } });
    await store(link, log, messages(40, { body: Buffer.alloc(900) }));
    expect(await (await read(link, { ...log, from: 'earliest' })).take(40)).toHaveLength(40);
  });

  test('carries every codec', async () => {
    for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      await using link = await open({ url: broker.url, compression });
      const log = await newStream(link);
      await store(link, log, messages(20, { body: Buffer.from('again and again '.repeat(50)) }));
      const got = await (await read(link, { ...log, from: 'earliest' })).take(20);
      expect(new Set(got.map(({ body }) => Buffer.from(body!).toString()))).toEqual(
        new Set(['again and again '.repeat(50)]),
      );
    }
  });

  test('refuses a clock that runs more than an hour ahead, for certain', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const sent = await link.send(log, [message('tomorrow', { sentAt: Date.now() + 86_400_000 })]);
    expect(outcomesOf(sent)).toEqual(['0 rejected']);
    expect(WaybillError.is(sent.unsent[0]!.error) || String(sent.unsent[0]!.error)).toContain('INVALID_TIMESTAMP');
  });

  test('that is not there is told at once', async () => {
    await using link = await open(broker.url);
    const begun = performance.now();
    const nowhere = { kind: 'stream', name: `nowhere-${process.pid}`, order: 'none' } as const;
    const { unsent } = await link.send(nowhere, [message('lost')]);
    expect(String(unsent[0]!.error)).toContain('UNKNOWN_TOPIC_OR_PARTITION');
    expect(await failureOf(read(link, { ...nowhere, from: 'earliest' }))).toMatchObject({ code: 3 });
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

const pick = (one: object): object =>
  Object.fromEntries(
    ['id', 'key', 'correlationId', 'routingKey', 'contentType', 'sentAt', 'position'].map((name) => [
      name,
      one[name as keyof typeof one],
    ]),
  );
