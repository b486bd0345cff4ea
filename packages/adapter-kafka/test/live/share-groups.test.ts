import { kafka } from '@waybill/adapter-kafka';
import { connect, deadLettersOf, queue, type } from '@waybill/core';
import { startKafka, waitFor } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import { accept, failed, idsOf, queueOf, reject, unrun } from '../../../conformance/test/link.ts';
import { openShared, take } from './share-support.ts';
import { declare, failureOf, foreignAdmin, message, messages, newQueue, open, place, read, store } from './support.ts';
import { transactionsIn } from './transactions.ts';

const broker = await startKafka({ line: '4.3', name: 'kafka-shares', ways: 1 });
afterAll(() => broker[Symbol.asyncDispose]());

const onePartition = { native: { partitions: 1 } } as const;
const groupOf = ({ name }: { readonly name: string }): string => `waybill.shared/${name}`;
const settingOf = (group: string, change: string): Promise<string> =>
  broker.control(
    'kafka-configs.sh',
    '--alter',
    '--entity-type',
    'groups',
    '--entity-name',
    group,
    '--add-config',
    change,
  );

/** Kafka's own, unless the group says another. */
const lockMs = 30_000;
const shortMs = 2000;
const shorten = ({ name }: { readonly name: string }): Promise<string> =>
  settingOf(groupOf({ name }), `share.record.lock.duration.ms=${shortMs}`);

describe('a queue through a share group', () => {
  test('settles each message on its own, in any order, and counts what is left', async () => {
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, onePartition);
    await store(link, orders, messages(6));
    const taker = await take(link, orders);
    const got = await taker.take(6);
    expect(got.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1, 1]);
    await taker.settle(accept, got[5]!, got[1]!);
    await taker.settle(reject, got[3]!);
    await taker.settle(failed, got[2]!);
    await taker.settle(unrun, got[0]!);
    const again = await taker.take(2);
    expect(again.map(({ id, attempt }) => [id, attempt])).toEqual([
      ['m0', 2],
      ['m2', 2],
    ]);
    expect(await link.admin!.depth(orders)).toEqual({ ready: 3 });
    await taker.settle(accept, ...again, got[4]!);
    expect(await link.admin!.depth(orders)).toEqual({ ready: 0 });
    await taker.receiver.close();
  });

  test('gives a partition to several consumers at once, no message to two', async () => {
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, onePartition);
    const takers = await Promise.all([take(link, orders), take(link, orders), take(link, orders)]);
    await store(link, orders, messages(90));
    const got = await Promise.all(takers.map((taker) => taker.take(30)));
    expect(new Set(idsOf(got.flat())).size).toBe(90);
    for (const [index, taker] of takers.entries()) await taker.settle(accept, ...got[index]!);
    await Promise.all(takers.map((taker) => taker.receiver.close()));
    expect(await link.admin!.depth(orders)).toEqual({ ready: 0 });
  });

  test('a lock that is renewed holds, another ends: its message comes again, and what its holder says is lost', async () => {
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, onePartition);
    await shorten(orders);
    await store(link, orders, messages(2));
    const holder = await take(link, orders);
    expect(holder.receiver.leaseMs).toBe(0.9 * shortMs);
    const [left, kept] = await holder.take(2);
    const takenAt = performance.now();
    const renewing = setInterval(() => void holder.receiver.extend([kept!.receipt]), shortMs / 4);
    const other = await take(link, orders);
    const [back] = await other.take(1);
    const afterMs = performance.now() - takenAt;
    expect([back!.id, back!.attempt]).toEqual(['m0', 2]);
    expect(afterMs).toBeGreaterThan(shortMs - 100);
    await waitFor('three locks', async () => performance.now() - takenAt > 3 * shortMs || undefined);
    clearInterval(renewing);
    expect(await holder.settled(accept, left!)).toEqual(['0 lost']);
    expect(await holder.receiver.extend([left!.receipt])).toEqual([{ index: 0, outcome: 'lost' }]);
    await holder.settle(accept, kept!);
    await Promise.all([holder.receiver.close(), other.receiver.close()]);
  });

  test('of a call in which one message is lost, only that one is', async () => {
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, onePartition);
    await store(link, orders, messages(5));
    const taker = await take(link, orders);
    const got = await taker.take(5);
    await taker.settle(failed, got[2]!);
    expect(await taker.settled(accept, ...got)).toEqual(['2 lost']);
    expect(idsOf(await taker.take(1))).toEqual(['m2']);
    await taker.receiver.close();
  });

  test('what a consumer held whose connections were cut comes to another at once, not after the lock', async () => {
    await using way = await broker.openWay();
    await using cut = await openShared(way.url);
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, onePartition);
    await store(link, orders, messages(3));
    const first = await take(cut, orders);
    const held = await first.take(3);
    const cutAt = performance.now();
    await way.proxies[0]!.inject({ kind: 'reset' });
    const second = await take(link, orders);
    expect(idsOf(await second.take(3))).toEqual(idsOf(held));
    expect(performance.now() - cutAt).toBeLessThan(lockMs);
    expect(await first.settled(accept, ...held)).toEqual(['0 lost', '1 lost', '2 lost']);
    await second.receiver.close();
  });

  test('what a consumer held that went silent comes to another when its locks end', async () => {
    await using way = await broker.openWay();
    await using silent = await openShared(way.url);
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, onePartition);
    await shorten(orders);
    await store(link, orders, messages(3));
    const first = await take(silent, orders);
    await first.take(3);
    await way.proxies[0]!.inject({ kind: 'stall' });
    const second = await take(link, orders);
    const again = await second.take(3);
    expect(again.map(({ attempt }) => attempt)).toEqual([2, 2, 2]);
    await second.settle(accept, ...again);
    await second.receiver.close();
  });

  test('hands out what was committed, and nothing that was aborted; markers of transactions hold nothing up', async () => {
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, onePartition);
    const taker = await take(link, orders);
    await transactionsIn(broker.url, `queue.${orders.name}`, ['aborted', 'committed', 'aborted', 'committed']);
    await store(link, orders, [message('last')]);
    const got = await taker.take(3);
    expect(got.map(({ body }) => Buffer.from(body!).toString())).toEqual(['"committed 1"', '"committed 3"', '"last"']);
    await taker.settle(accept, ...got);
    // The last marker may come after the last message: it takes another fetch.
    await waitFor('an empty queue', async () => {
      expect(await taker.takeWithin(50)).toEqual([]);
      return (await link.admin!.depth(orders)).ready === 0 || undefined;
    });
    await taker.receiver.close();
  });

  test('a consumer that was idle takes nothing with it when it leaves: what comes after that is new to the next one', async () => {
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, onePartition);
    for (const id of ['m0', 'm1', 'm2']) {
      const leaving = await take(link, orders);
      expect(await leaving.takeWithin(1500)).toEqual([]);
      await leaving.receiver.close();
      await store(link, orders, [message(id)]);
      const next = await take(link, orders);
      const got = await next.take(1);
      expect(got.map(({ id: which, attempt }) => [which, attempt])).toEqual([[id, 1]]);
      await next.settle(accept, ...got);
      await next.receiver.close();
    }
  });

  test('is removed with its group, and may be made anew', async () => {
    await using link = await openShared(broker.url);
    const where = place({ native: { partitions: 1 } });
    for (let round = 0; round < 12; round++) {
      await declare(link, queueOf(where));
      await link.admin!.remove!(queueOf(where));
    }
    expect(await broker.control('kafka-share-groups.sh', '--list')).not.toContain(where.name);
  });

  test('begins with the first record of partitions that are added', async () => {
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, onePartition);
    const topic = `queue.${orders.name}`;
    const admin = foreignAdmin(broker.url);
    await admin.createPartitions({ topics: [{ name: topic, count: 2 }] });
    await admin.close();
    const added = { kind: 'stream', name: topic, order: 'none' } as const;
    await using other = await open(broker.url);
    await store(other, added, [message('early', { native: { partition: 1 } })]);
    const taker = await take(link, orders);
    expect(idsOf(await taker.take(1))).toEqual(['early']);
    await taker.receiver.close();
  });
});

describe('Kafka gives a record up after its last delivery', () => {
  test('but no message is lost: it comes as often as it is given back, with all of its deliveries counted', async () => {
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, onePartition);
    await store(link, orders, [message('stubborn', { key: 'k', headers: { color: 'blue' } })]);
    const taker = await take(link, orders);
    const attempts: (number | undefined)[] = [];
    for (let run = 0; run < 25; run++) {
      const [got] = await taker.take(1);
      attempts.push(got!.attempt);
      expect([got!.id, got!.key, got!.headers]).toEqual(['stubborn', 'k', { color: 'blue' }]);
      await taker.settle(run < 24 ? failed : accept, got!);
    }
    expect(attempts).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
    expect(await link.admin!.depth(orders)).toEqual({ ready: 0 });
    await taker.receiver.close();
  });

  test('nor one whose consumers die with it, whatever stands beside it', async () => {
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, onePartition);
    await store(link, orders, messages(5));
    for (let death = 0; death < 14; death++) {
      await using way = await broker.openWay();
      await using dying = await openShared(way.url);
      await (await take(dying, orders)).take(5);
      await way.proxies[0]!.inject({ kind: 'reset' });
    }
    const taker = await take(link, orders);
    const got = await taker.take(5);
    expect(new Set(idsOf(got))).toEqual(new Set(['m0', 'm1', 'm2', 'm3', 'm4']));
    expect(got.every(({ attempt = 0 }) => attempt >= 15)).toBe(true);
    await taker.settle(accept, ...got);
    await taker.receiver.close();
  });

  test('a group that gives up too soon for that is refused', async () => {
    await using link = await openShared(broker.url);
    const orders = await newQueue(link);
    await settingOf(groupOf(orders), 'share.delivery.count.limit=4');
    const error = await failureOf(take(link, orders));
    expect(error).toMatchObject({ code: 'mismatch' });
    expect(String(error)).toContain('drops records after 4 deliveries');
  });
});

describe('a queue that was consumed through a group that reads partitions', () => {
  test('goes on where that one stands', async () => {
    await using before = await open(broker.url);
    const orders = await newQueue(before, onePartition);
    await store(before, orders, messages(10));
    const reading = await read(before, orders);
    await reading.take(10);
    expect(await reading.receiver.commit!([{ lane: await reading.lane(), through: '6' }])).toEqual([]);
    await reading.receiver.close();
    await using link = await openShared(broker.url);
    await declare(link, queueOf(orders));
    expect(await link.admin!.depth(orders)).toEqual({ ready: 3 });
    const taker = await take(link, orders);
    expect(idsOf(await taker.take(3))).toEqual(['m7', 'm8', 'm9']);
    expect(await taker.takeWithin(1000)).toEqual([]);
    await taker.receiver.close();
  });

  test('is refused while that one has members, and moves when they have gone', async () => {
    await using before = await open(broker.url);
    const orders = await newQueue(before, onePartition);
    const reading = await read(before, orders);
    await reading.lane();
    await using link = await openShared(broker.url);
    const error = await failureOf(declare(link, queueOf(orders)));
    expect(error).toMatchObject({ code: 'mismatch' });
    expect(String(error)).toContain(`"waybill/${orders.name}", which has 1 members now`);
    await reading.receiver.close();
    await declare(link, queueOf(orders));
    await (await take(link, orders)).receiver.close();
  });

  test('and a group of that kind cannot become a share group: that is told', async () => {
    await using before = await open(broker.url);
    const group = `g-${place().name}`;
    const where = place({ native: { partitions: 1, group } });
    const orders = { kind: 'queue', ...where } as const;
    await declare(before, queueOf(where));
    const reading = await read(before, orders);
    await reading.lane();
    await using link = await openShared(broker.url);
    const error = await failureOf(declare(link, queueOf(where)));
    expect(error).toMatchObject({ code: 'mismatch' });
    expect(String(error)).toContain(`"${group}" is no share group`);
    await reading.receiver.close();
  });
});

describe('the application', () => {
  test('keeps the order of a key where it is asked for, through a group that reads partitions', async () => {
    await using link = await openShared(broker.url);
    const orders = await newQueue(link, { order: 'key' });
    await store(link, orders, messages(20, { key: 'k' }));
    const reading = await read(link, orders);
    await waitFor('all lanes', async () => reading.lanes.size === 6 || undefined);
    expect(idsOf(await reading.take(20))).toEqual(idsOf(messages(20)));
    await reading.receiver.close();
  });

  test('cannot have exactly-once in such a queue', async () => {
    const url = `${broker.url}?queues=share-groups`;
    const jobs = queue(place().name, { schema: type<string>(), needs: { delivery: 'exactly-once' } });
    const error = await failureOf(connect(url, { jobs }));
    expect(error).toMatchObject({ code: 'unsupported' });
    expect(String(error)).toContain('exactly-once');
  });

  test('buries what fails for good, with its cause and the number of its runs', async () => {
    const jobs = queue(place().name, { schema: type<string>(), retry: { attempts: 3, backoff: () => 50 } });
    await using bus = await connect(kafka({ url: broker.url, queues: 'share-groups' }), {
      jobs,
      dead: deadLettersOf(jobs),
    });
    await bus.jobs.send('bad');
    const consumer = await bus.jobs.consume(() => {
      throw new Error('no');
    });
    const causes: unknown[] = [];
    const letters = await bus.dead.consume((_, { deadLetter }) => void causes.push(deadLetter));
    await waitFor('the letter', async () => causes.length > 0 || undefined, { timeoutMs: 30_000 });
    expect(causes).toEqual([expect.objectContaining({ reason: 'exhausted', error: 'Error: no', attempts: 3 })]);
    await Promise.all([consumer.close(), letters.close()]);
  });
});
