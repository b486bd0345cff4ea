import type { Addressed, Lane, Link, Positioned, Transacted, Watermark } from '@waybill/core/driver';
import { startKafka } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import {
  declare,
  message,
  messages,
  newQueue,
  newStream,
  open,
  place,
  type Reading,
  read,
  store,
  type StreamPlace,
} from './support.ts';
import { endsOf, takeOver, untilClosed, untilOpen, valuesIn } from './transactions.ts';

const broker = await startKafka({
  line: '4.3',
  ways: 1,
  configuration: { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500' },
});
afterAll(() => broker[Symbol.asyncDispose]());

const out = (target: Addressed['target'], id: string, over: Parameters<typeof message>[1] = {}): Addressed => ({
  target,
  message: message(id, over),
});
const transact = (
  reading: Reading,
  outputs: readonly Addressed[],
  marks: readonly Watermark[] = [],
): Promise<Transacted> => reading.receiver.transact!(outputs, marks);

/** A stream with records, and a member of a group that has taken them. */
async function taken(link: Link, many: number, from: Link = link) {
  const log = await newStream(from);
  await store(from, log, messages(many));
  const source = { ...log, group: `g-${log.name}`, from: 'earliest' } as const;
  const reading = await read(link, source);
  const lane = await reading.lane();
  const records = await reading.take(many);
  const mark = (index: number): Watermark => ({ lane, through: records[index]!.position });
  return { source, reading, lane, mark };
}
const text = (id: string): string => JSON.stringify(id);
const sortedIds = (got: readonly Positioned[]): string[] => got.map(({ id = '' }) => id).sort();
const idsIn = async (link: Link, log: StreamPlace, many: number): Promise<string[]> =>
  sortedIds(await (await read(link, { ...log, from: 'earliest' })).take(many));

describe('a transaction', () => {
  test('makes outputs to a queue, a topic and a stream visible together with the position', async () => {
    await using link = await open(broker.url);
    const [queue, log, news] = [await newQueue(link), await newStream(link, 3), { kind: 'topic', ...place() } as const];
    await declare(link, news);
    const { source, reading, mark } = await taken(link, 4);
    const outputs = ['a', 'b', 'c'].flatMap((id) => [
      out(queue, `queue ${id}`, { key: id }),
      out(news, `topic ${id}`, { routingKey: 'of.interest' }),
      out(log, `stream ${id}`, { key: id, headers: { colour: 'grün' } }),
    ]);
    expect(await transact(reading, outputs, [mark(1)])).toEqual({ outcome: 'committed' });
    expect(await transact(reading, [out(log, 'stream d', { key: 'a' })], [mark(2)])).toEqual({ outcome: 'committed' });
    expect(sortedIds(await (await read(link, queue)).take(3))).toEqual(['queue a', 'queue b', 'queue c']);
    expect((await valuesIn(broker.url, news.name)).sort()).toEqual(['topic a', 'topic b', 'topic c'].map(text));
    const found = await (await read(link, { ...log, from: 'earliest' })).take(4);
    const ofA = found.filter(({ key }) => key === 'a');
    expect(ofA.map(({ id, headers }) => [id, headers['colour']])).toEqual([
      ['stream a', 'grün'],
      ['stream d', undefined],
    ]);
    expect(sortedIds(found)).toEqual(['stream a', 'stream b', 'stream c', 'stream d']);
    await reading.receiver.close();
    expect((await (await read(link, source)).take(1))[0]!.id).toBe('m3');
  });

  test('may be of positions alone, of outputs alone, or of nothing', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const { source, reading, mark } = await taken(link, 3);
    expect(await transact(reading, [], [mark(1)])).toEqual({ outcome: 'committed' });
    expect(await transact(reading, [out(log, 'alone')])).toEqual({ outcome: 'committed' });
    expect(await transact(reading, [])).toEqual({ outcome: 'committed' });
    expect(await idsIn(link, log, 1)).toEqual(['alone']);
    expect(await link.admin!.depth(source)).toEqual({ ready: 1 });
    await reading.receiver.close();
  });

  test('is not offered to a reader without a group, nor where positions come first', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const alone = await read(link, { ...log, from: 'earliest' });
    const before = await read(link, { ...log, group: `g-${log.name}`, from: 'earliest' }, { delivery: 'at-most-once' });
    expect('transact' in alone.receiver || 'transact' in before.receiver).toBe(false);
    await before.receiver.close();
  });

  test('with an output beyond the limit of the brokers is never begun', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const { source, reading, mark } = await taken(link, 2);
    const outputs = [out(log, 'small'), out(log, 'large', { body: Buffer.alloc(2_000_000) })];
    expect(await transact(reading, outputs, [mark(1)])).toMatchObject({
      outcome: 'aborted',
      error: { code: 'too-large' },
    });
    expect(await endsOf(broker.url, log.name)).toEqual({ stable: 0n, end: 0n });
    expect(await link.admin!.depth(source)).toEqual({ ready: 2 });
    await reading.receiver.close();
  });

  test('that was aborted is seen by nobody: twice by one producer, each larger than a fetch, and then one is committed', async () => {
    await using link = await open(broker.url);
    const [log, beside] = [
      await newStream(link, 1, { config: { 'max.message.bytes': '1000000' } }),
      await newStream(link),
    ];
    const { source, reading, mark } = await taken(link, 2);
    const many = Array.from({ length: 25 }, (_, n) => out(log, `aborted ${n}`, { body: Buffer.alloc(99_000, 'x') }));
    const outputs = [out(beside, 'beside'), ...many, out(log, 'refused', { body: Buffer.alloc(1_020_000) })];
    for (let time = 0; time < 2; time++) {
      const transacted = await transact(reading, outputs, [mark(1)]);
      expect(transacted.outcome).toBe('aborted');
      expect(String((transacted as { error: unknown }).error)).toContain('MESSAGE_TOO_LARGE');
    }
    expect(await link.admin!.depth(source)).toEqual({ ready: 2 });
    expect(await transact(reading, [out(log, 'committed'), out(beside, 'too')], [mark(0)])).toEqual({
      outcome: 'committed',
    });
    expect(await idsIn(link, log, 1)).toEqual(['committed']);
    expect(await idsIn(link, beside, 1)).toEqual(['too']);
    expect(await valuesIn(broker.url, log.name)).toEqual([text('committed')]);
    // It was there.
    expect(await valuesIn(broker.url, log.name, 'read_uncommitted')).toHaveLength(51);
    await reading.receiver.close();
  });

  test('to a topic that is gone is aborted, with what is wrong', async () => {
    await using link = await open(broker.url);
    const { reading, mark } = await taken(link, 1);
    const nowhere = { kind: 'stream', ...place() } as const;
    expect(await transact(reading, [out(nowhere, 'lost')], [mark(0)])).toMatchObject({
      outcome: 'aborted',
      error: expect.objectContaining({ message: expect.stringContaining('UNKNOWN_TOPIC') as string }) as unknown,
    });
    expect(await transact(reading, [], [mark(0)])).toEqual({ outcome: 'committed' });
    await reading.receiver.close();
  });
});

describe('a transaction of a member', () => {
  test('that was frozen beyond its session is lost, and nothing of it is seen', async () => {
    await using way = await broker.openWay();
    const [proxy] = way.proxies;
    await using frozen = await open({ url: way.url, sessionTimeoutMs: 1500, requestTimeoutMs: 30_000 });
    await using link = await open({ url: broker.url, sessionTimeoutMs: 1500 });
    const log = await newStream(link);
    const zombie = await taken(frozen, 4, link);
    expect(await transact(zombie.reading, [out(log, 'alive')], [zombie.mark(0)])).toEqual({ outcome: 'committed' });
    await proxy!.inject({ kind: 'stall' });
    const late = transact(zombie.reading, [out(log, 'of a zombie')], [zombie.mark(3)]);
    const second = await read(link, zombie.source);
    const lane = await second.lane();
    expect(await transact(second, [out(log, 'of its heir')], [{ lane, through: '1' }])).toEqual({
      outcome: 'committed',
    });
    await proxy!.heal();
    expect(await late).toMatchObject({ outcome: 'lost', error: { code: 'lease-lost' } });
    await untilClosed(broker.url, log.name);
    expect(await valuesIn(broker.url, log.name)).toEqual(['alive', 'of its heir'].map(text));
    expect(await link.admin!.depth(zombie.source)).toEqual({ ready: 2 });
    await second.receiver.close();
  });

  test('with a partition that has left is lost before it begins', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const { source, reading, mark } = await taken(link, 2);
    const second = await read(link, source);
    await reading.receiver.close();
    const lane = await second.lane();
    expect(await transact(reading, [out(log, 'late')], [mark(1)])).toMatchObject({ outcome: 'lost' });
    const foreign: Lane<Positioned> = { id: lane.id, pull: () => Promise.resolve([]) };
    expect(await transact(second, [out(log, 'foreign')], [{ lane: foreign, through: '1' }])).toMatchObject({
      outcome: 'lost',
    });
    expect(await endsOf(broker.url, log.name)).toEqual({ stable: 0n, end: 0n });
    expect(await link.admin!.depth(source)).toEqual({ ready: 2 });
    await second.receiver.close();
  });

  test('whose id somebody else takes over is lost', async () => {
    await using link = await open(broker.url);
    const log = await newStream(link);
    const { source, reading, mark } = await taken(link, 2);
    expect(await transact(reading, [out(log, 'before')], [mark(0)])).toEqual({ outcome: 'committed' });
    const listed = await broker.control('kafka-transactions.sh', 'list');
    const [id] = listed.split(/\s+/).filter((word) => word.startsWith(`${source.group}/`));
    await takeOver(broker.url, id!);
    expect(await transact(reading, [out(log, 'fenced')], [mark(1)])).toMatchObject({ outcome: 'lost' });
    await untilClosed(broker.url, log.name);
    expect(await valuesIn(broker.url, log.name)).toEqual([text('before')]);
    expect(await link.admin!.depth(source)).toEqual({ ready: 1 });
    await reading.receiver.close();
  });

  test('that stands still for longer than its timeout is aborted by the broker, and the next one works', async () => {
    await using way = await broker.openWay();
    const [proxy] = way.proxies;
    await using slow = await open({ url: way.url, transactionTimeoutMs: 4000, requestTimeoutMs: 30_000 });
    await using link = await open(broker.url);
    const log = await newStream(link);
    const { source, reading, mark } = await taken(slow, 2, link);
    expect(await transact(reading, [out(log, 'before')], [mark(0)])).toEqual({ outcome: 'committed' });
    // So that there is time between the records and their commit.
    await proxy!.inject({ kind: 'delay', ms: 500 });
    const standing = transact(reading, [out(log, 'standing')], [mark(1)]);
    await untilOpen(broker.url, log.name);
    await proxy!.inject({ kind: 'stall' });
    await untilClosed(broker.url, log.name);
    await proxy!.heal();
    expect(await standing).toMatchObject({ outcome: 'aborted', error: { code: 'timeout' } });
    expect(await transact(reading, [out(log, 'after')], [mark(1)])).toEqual({ outcome: 'committed' });
    expect(await valuesIn(broker.url, log.name)).toEqual(['before', 'after'].map(text));
    expect(await link.admin!.depth(source)).toEqual({ ready: 0 });
    await reading.receiver.close();
  });

  test('whose answer was lost with its only broker is unknown, and was committed or was not', async () => {
    await using way = await broker.openWay();
    const [proxy] = way.proxies;
    const cut = await open({ url: way.url, transactionTimeoutMs: 30_000 });
    await using link = await open(broker.url);
    const log = await newStream(link);
    const { source, reading, mark } = await taken(cut, 2, link);
    expect(await transact(reading, [out(log, 'before')], [mark(0)])).toEqual({ outcome: 'committed' });
    await proxy!.inject({ kind: 'delay', ms: 1000 });
    const unanswered = transact(reading, [out(log, 'unanswered')], [mark(1)]);
    await untilOpen(broker.url, log.name);
    await untilClosed(broker.url, log.name);
    // The broker has written it, and the answer is on its way.
    await proxy!.inject({ kind: 'reset' });
    expect(await unanswered).toMatchObject({ outcome: 'unknown', error: { code: 'unknown-outcome' } });
    expect(await valuesIn(broker.url, log.name)).toEqual(['before', 'unanswered'].map(text));
    expect(await link.admin!.depth(source)).toEqual({ ready: 0 });
    expect(await cut.closed).toBeDefined();
    await cut.close();
  });
});
