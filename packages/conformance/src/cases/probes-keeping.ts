import type { ChannelCapabilities, Incoming, Outgoing, Sent } from '@waybill/core/driver';
import { accept, textOf } from '../bench.ts';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { sleep } from '../waits.ts';
import { type Channel, openChannel, probe, type Settleable, settleable } from './probe.ts';

const waitMs = 400;

/** What the broker keeps by itself: times, order, priorities, one copy. */
export const keepingProbes: readonly Case[] = settleable
  .flatMap((kind) => [
    probe(
      `${kind}.delay`,
      ['native'],
      `${kind}: the broker itself keeps a message until it is due, and lets others pass`,
      (context) => delayed(context, kind),
    ),
    probe(
      `${kind}.ttl`,
      ['native'],
      `${kind}: the broker itself drops a message when its time is over, and no other`,
      (context) => expiring(context, kind),
    ),
    probe(
      `${kind}.priority`,
      ['native'],
      `${kind}: of what waits the broker hands out the highest priority first`,
      (context) => prioritised(context, kind),
    ),
    probe(`${kind}.priority`, ['none'], `${kind}: a priority is not heeded where none was declared`, (context) =>
      unprioritised(context, kind),
    ),
    probe(
      `${kind}.dedup`,
      ['window'],
      `${kind}: a second send with the same send id is accepted and dropped, another with the same id is not`,
      (context) => deduplicated(context, kind),
    ),
    probe(
      `${kind}.order`,
      ['key', 'total'],
      `${kind}: messages of one key are handed out in the order of their sending`,
      (context) => ordered(context, kind, 'key'),
    ),
    probe(`${kind}.order`, ['total'], `${kind}: all messages are handed out in the order of their sending`, (context) =>
      ordered(context, kind, 'total'),
    ),
    probe(
      `${kind}.partial`,
      ['each', 'prefix'],
      `${kind}: of a batch that fails in part exactly what was not reported is stored`,
      (context) => partial(context, kind),
      {
        company: 'alone',
        timeoutMs: 60_000,
      },
    ),
  ])
  .concat([
    probe(
      'topic.pattern',
      ['wildcard', 'prefix'],
      'topic: the broker itself chooses by the words of a pattern',
      (context) => filtered(context, 'pattern'),
    ),
    probe('topic.filter', ['headers'], 'topic: the broker itself chooses by headers', (context) =>
      filtered(context, 'headers'),
    ),
  ]);

const textsOf = (messages: readonly Incoming[]): string[] => messages.map(textOf);

async function delayed(context: Context, kind: Settleable): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind, { delay: true });
  const taker = await open();
  const startedAt = performance.now();
  await bench.send(target, bench.message('later', { delayMs: waitMs }), bench.message('now'));
  context.expect.deepEqual(textsOf(await taker.take(1)), ['now'], 'what comes first');
  context.expect.deepEqual(textsOf(await taker.take(1)), ['later'], 'what comes then');
  context.expect.between(
    performance.now() - startedAt,
    waitMs - 30,
    waitMs + context.timing.slackMs,
    'milliseconds until the delayed one came',
  );
}

/** The long-lived one stands behind the expired one, so that it is reached only when that is gone. */
async function expiring(context: Context, kind: Settleable): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind, { ttl: true });
  await bench.send(
    target,
    bench.message('short', { ttlMs: 150 }),
    bench.message('long', { ttlMs: 60_000 }),
    bench.message('for ever'),
  );
  await sleep(waitMs);
  const taker = await open();
  const found = [...(await taker.take(2)), ...(await taker.takeWithin(context.timing.quietMs))];
  context.expect.sameMembers(textsOf(found), ['long', 'for ever'], 'what is left after the time is over');
}

async function prioritised(context: Context, kind: Settleable): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind, { priority: true });
  const priorities = [1, 9, 5, 1, 9, 5];
  for (const [index, priority] of priorities.entries())
    await bench.send(target, bench.message(`${priority}-${index}`, { priority }));
  const taker = await open({ maxInFlight: 1 });
  context.expect.deepEqual(
    await oneByOne(taker, priorities.length),
    ['9-1', '9-4', '5-2', '5-5', '1-0', '1-3'],
    'highest first, and in order inside one priority',
  );
}

async function unprioritised(context: Context, kind: Settleable): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind);
  for (const text of ['first', 'second', 'third']) await bench.send(target, bench.message(text));
  const taker = await open({ maxInFlight: 1 });
  context.expect.sameMembers(await oneByOne(taker, 3), ['first', 'second', 'third'], 'what comes, in whatever order');
  context.expect.equal(
    (context.capabilities[kind] as ChannelCapabilities).priority,
    'none',
    'the manifest, which core refuses by (N03)',
  );
}

async function oneByOne(taker: Awaited<ReturnType<Channel['open']>>, count: number): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) {
    const [one] = await taker.take(1);
    seen.push(textOf(one!));
    await taker.settle(one!, accept);
  }
  return seen;
}

async function deduplicated(context: Context, kind: Settleable): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind);
  const message = bench.message('one');
  await bench.send(target, message);
  await bench.send(target, message);
  await bench.send(target, { ...bench.message('one'), body: Buffer.from('another send of the same message') });
  const taker = await open();
  const found = [...(await taker.take(2)), ...(await taker.takeWithin(context.timing.quietMs))];
  context.expect.sameMembers(textsOf(found), ['one', 'another send of the same message'], 'what is stored');
}

async function ordered(context: Context, kind: Settleable, order: 'key' | 'total'): Promise<void> {
  const { bench, target, open } = await openChannel(context, kind, { order });
  const sent = Array.from({ length: 120 }, (_, index) => bench.message(`${index}`, { key: `key-${index % 6}` }));
  for (let from = 0; from < sent.length; from += 30) await bench.send(target, ...sent.slice(from, from + 30));
  const found = await (await open()).take(sent.length);
  const ordinals = (key: string | undefined): number[] =>
    found.filter((one) => key === undefined || one.key === key).map((one) => Number(textOf(one)));
  const ascending = (numbers: readonly number[]): number[] => [...numbers].sort((one, other) => one - other);
  if (order === 'total')
    context.expect.deepEqual(ordinals(undefined), ascending(ordinals(undefined)), 'the order of all');
  for (const key of new Set(found.map((one) => one.key)))
    context.expect.deepEqual(ordinals(key), ascending(ordinals(key)), `the order of ${key}`);
  context.expect.equal(new Set(found.map(textOf)).size, sent.length, 'different messages');
}

/** One message above the limit, which core would have refused: whatever the broker makes of it, the report must be true. */
async function partial(context: Context, kind: Settleable): Promise<void> {
  const { limits, partial: promise, order: most } = context.capabilities[kind] as ChannelCapabilities;
  const order = most === 'none' ? 'none' : 'key';
  const { bench, target } = await openChannel(context, kind, { order });
  const tooLarge = { body: Buffer.alloc(limits.maxBytes + 1) };
  const batch: Outgoing[] = ['a', 'b', 'c'].map((text) =>
    bench.message(text, { key: 'key', ...(text === 'b' && tooLarge) }),
  );
  const { unsent } = await bench.link
    .send(target, batch)
    .catch((error: unknown): Sent => ({ unsent: batch.map((_, index) => ({ index, outcome: 'unknown', error })) }));
  const reported = new Map(unsent.map(({ index, outcome }) => [batch[index]!.id, outcome]));
  const reader = await openChannel(context, kind, { order });
  const stored = (await (await reader.open()).takeWithin(context.timing.quietMs * 2)).map(({ id }) => id ?? '');
  context.expect.ok(reported.has('b'), 'the message above the limit is reported');
  for (const { id } of batch) {
    const outcome = reported.get(id) ?? 'stored';
    if (outcome !== 'unknown')
      context.expect.equal(
        stored.includes(id),
        outcome === 'stored',
        `whether ${id}, reported as ${outcome}, is stored`,
      );
  }
  if (promise === 'prefix')
    context.expect.deepEqual(
      stored,
      batch.slice(0, stored.length).map(({ id }) => id),
      'only a beginning of the key is stored',
    );
  context.evidence(
    'of three, the second above the limit',
    batch.map(({ id }) => `${id} ${reported.get(id) ?? 'stored'}`).join(', '),
  );
}

async function filtered(context: Context, by: 'pattern' | 'headers'): Promise<void> {
  const filter = by === 'pattern' ? { pattern: 'orders.#' } : { headers: { color: 'blue' } };
  const { bench, target, open } = await openChannel(context, 'topic', { filter });
  const taker = await open();
  const match = by === 'pattern' ? { routingKey: 'orders.eu' } : { headers: { color: 'blue' } };
  const other = by === 'pattern' ? { routingKey: 'bills.eu' } : { headers: { color: 'red' } };
  await bench.send(
    target,
    bench.message('no', other),
    bench.message('yes', match),
    bench.message('no again', other),
    bench.message('yes again', match),
  );
  const found = [...(await taker.take(2)), ...(await taker.takeWithin(context.timing.quietMs))];
  context.expect.sameMembers(textsOf(found), ['yes', 'yes again'], 'what the broker hands out');
}
