import type { Declaration, Incoming, PositionReceiver, Source } from '@waybill/core/driver';
import { openBench, textOf } from '../bench.ts';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { depthIs, jobQueue, jobStream } from './destinations.ts';
import { plainQueue, probe } from './probe.ts';
import { readAll } from './take.ts';

/** What is about streams and the broker as a whole. */
export const brokerProbes: readonly Case[] = [
  probe('stream.release', ['none'], 'stream: a receiver settles nothing by itself', nothingToSettle),
  probe('stream.attempts', ['none'], 'stream: a record says nothing about earlier deliveries', recordsAreMute),
  ...(['deadLetter', 'delay', 'ttl', 'priority'] as const).map((name) =>
    probe(
      `stream.${name}`,
      ['none'],
      `stream: records keep their place and stay, so there is no ${name}`,
      nothingToSettle,
    ),
  ),
  probe(
    'stream.partial',
    ['each', 'prefix'],
    'stream: of a batch that fails in part exactly what was not reported is stored',
    partialAppend,
    { company: 'alone', timeoutMs: 60_000 },
  ),
  probe('stream.tombstone', ['native'], 'stream: an empty record is appended and read as null', (context) =>
    nullRecord(context, true),
  ),
  probe('stream.tombstone', ['none'], 'stream: null is a value like any other', (context) =>
    nullRecord(context, false),
  ),
  probe('reply', ['native'], 'a private inbox is opened and reached by its address', replies),
  probe('reply', ['none'], 'a private inbox is refused', noReplies, { traffic: 'none' }),
  probe('atomic', ['position-and-send'], 'outputs and positions become visible together', transacts),
  probe('atomic', ['none'], 'no receiver offers to commit outputs with positions', doesNotTransact),
  probe('admin', ['inspect', 'manage'], 'depth tells how many messages are ready', depthTells),
  probe('admin', ['manage'], 'purge empties a queue, and remove takes it away', purgesAndRemoves),
].map((one, index, all) => (all.findIndex(({ id }) => id === one.id) === index ? one : { ...one, id: `${one.id}-2` }));

async function openLog(context: Context, group?: string) {
  const bench = await openBench(context);
  const place = { name: context.name('log'), order: 'none' } as const;
  await bench.declare({ kind: 'stream', ...place });
  const source: Source = { kind: 'stream', ...place, from: 'earliest', ...(group !== undefined && { group }) };
  return { bench, target: { kind: 'stream', ...place } as const, source };
}

async function nothingToSettle(context: Context): Promise<void> {
  const { bench, target, source } = await openLog(context);
  await bench.send(target, bench.message('one', { key: 'key' }), bench.message('two', { key: 'key' }));
  const { receiver, take } = await bench.open(source);
  context.expect.equal(receiver.style, 'position', 'the style');
  context.expect.ok(!('settle' in receiver), 'a position receiver has no settle');
  context.expect.deepEqual((await take(2)).map(textOf), ['one', 'two'], 'the records, in their place');
}

async function recordsAreMute(context: Context): Promise<void> {
  const { bench, target, source } = await openLog(context);
  await bench.send(target, bench.message('one'));
  for (const round of [1, 2]) {
    const [record] = await (await bench.open(source)).take(1);
    context.expect.equal(record!.attempt, undefined, `the attempt, reading ${round}`);
  }
}

async function partialAppend(context: Context): Promise<void> {
  const { bench, target, source } = await openLog(context);
  const channel = context.capabilities.stream;
  if (channel === 'none') return;
  const batch = ['a', 'b', 'c'].map((text) =>
    bench.message(text, { key: 'key', ...(text === 'b' && { body: Buffer.alloc(channel.limits.maxBytes + 1) }) }),
  );
  const { unsent } = await bench.link.send(target, batch);
  const reported = new Map(unsent.map(({ index, outcome }) => [batch[index]!.id, outcome]));
  const reader = await openLog(context);
  const stored = (await (await reader.bench.open(source)).takeWithin(context.timing.quietMs * 2)).map(
    ({ id }) => id ?? '',
  );
  context.expect.ok(reported.has('b'), 'the record above the limit is reported');
  for (const { id } of batch) {
    const outcome = reported.get(id) ?? 'stored';
    if (outcome !== 'unknown')
      context.expect.equal(
        stored.includes(id),
        outcome === 'stored',
        `whether ${id}, reported as ${outcome}, is stored`,
      );
  }
  if (channel.partial === 'prefix')
    context.expect.deepEqual(
      stored,
      batch.slice(0, stored.length).map(({ id }) => id),
      'only a beginning is stored',
    );
}

async function nullRecord(context: Context, isTombstone: boolean): Promise<void> {
  const bus = await context.connect({ log: jobStream(context, 'log', { key: () => 'key' }) });
  const [job] = context.jobs(1);
  await bus.log.append(job!);
  await bus.log.append(null as never, isTombstone ? { key: 'key' } : {});
  const records = await readAll(context, bus.log.read({ limit: 2 }));
  context.expect.deepEqual(
    records.map(({ value }) => value as unknown),
    [job, null],
    'the values',
  );
  const { bench, source } = await openLog(context);
  const raw: Incoming[] = await (await bench.open(source)).take(2);
  context.expect.equal(raw[1]!.body === null, isTombstone, 'whether the second record has no body at all');
}

async function replies(context: Context): Promise<void> {
  const bench = await openBench(context);
  const inbox = await bench.open({ kind: 'reply' });
  const other = await bench.open({ kind: 'reply' });
  const { address = '' } = inbox.receiver;
  context.expect.ok(address !== '' && address !== other.receiver.address, 'two inboxes have two addresses');
  await bench.send({ kind: 'reply', name: address }, bench.message('answer', { correlationId: '7' }));
  const [answer] = await inbox.take(1);
  context.expect.deepEqual([textOf(answer!), answer!.correlationId], ['answer', '7'], 'the reply');
  context.expect.deepEqual(await other.takeWithin(context.timing.quietMs), [], 'what came to the other inbox');
}

async function noReplies(context: Context): Promise<void> {
  const link = await context.link();
  const { signal } = context;
  await context.expect.rejects(
    link.receive({ kind: 'reply' }, { signal, delivery: 'at-least-once', maxInFlight: 1, leaseMs: 1000 }),
    'unsupported',
    'a private inbox',
  );
}

async function transacts(context: Context): Promise<void> {
  const { bench, target, source } = await openLog(context, 'g');
  const output = { kind: 'stream', name: context.name('output'), order: 'none' } as const;
  await bench.declare(output);
  await bench.send(target, ...['1', '2', '3', '4'].map((text) => bench.message(text, { key: 'key' })));
  const taker = await bench.open(source);
  const records = await taker.take(4);
  const outputs = records
    .slice(0, 2)
    .map((record) => ({ target: output, message: bench.message(`out ${textOf(record)}`, { key: 'key' }) }));
  const answer = await (taker.receiver as PositionReceiver).transact!(outputs, [taker.markOf(records[1]!)]);
  context.expect.equal(answer.outcome, 'committed', 'the transaction');
  await taker.close();
  const rest = await (await bench.open(source)).take(2);
  context.expect.deepEqual(rest.map(textOf), ['3', '4'], 'where the group goes on');
  const found = await (await bench.open({ ...output, from: 'earliest' })).take(2);
  context.expect.deepEqual(found.map(textOf), ['out 1', 'out 2'], 'the outputs');
}

async function doesNotTransact(context: Context): Promise<void> {
  if (context.capabilities.stream === 'none') {
    const bench = await openBench(context);
    await bench.declare(plainQueue(context.name('queue')));
    const queue = { kind: 'queue', name: context.name('queue'), order: 'none' } as const;
    await bench.send(queue, bench.message('one'));
    const taker = await bench.open(queue);
    await taker.take(1);
    return context.expect.ok(!('transact' in taker.receiver), 'no transact');
  }
  const { bench, target, source } = await openLog(context);
  await bench.send(target, bench.message('one'));
  const taker = await bench.open(source);
  await taker.take(1);
  context.expect.ok(!('transact' in taker.receiver) || taker.receiver.transact === undefined, 'no transact');
}

async function depthTells(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) });
  await depthIs(context, bus.jobs, 0);
  await bus.jobs.sendMany(context.jobs(7));
  await depthIs(context, bus.jobs, 7);
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  await inbox.atLeast(7);
  await depthIs(context, bus.jobs, 0);
  context.expect.equal((await bus.jobs.depth()).ready, 0, 'ready messages at the end');
}

async function purgesAndRemoves(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) });
  await bus.jobs.sendMany(context.jobs(7, 'purged'));
  await depthIs(context, bus.jobs, 7);
  await bus.jobs.purge();
  const [marker] = context.jobs(1, 'marker');
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  await bus.jobs.send(marker!);
  await inbox.complete([marker!], 'only what came after the purge');
  const bench = await openBench(context);
  const extra: Declaration = plainQueue(context.name('extra'));
  await bench.declare(extra);
  await bench.link.admin!.remove!(extra);
  const missing = await bench.link.declare!([extra], 'verify');
  context.expect.equal(missing.length > 0, true, 'a removed queue is missing');
}
