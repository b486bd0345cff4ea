import { type Bus, type Consumer, type Handler, queue, type Queue, topic, type Topic, type } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { sleep } from '../waits.ts';
import { channelOf, forBoth, heldByMessage, type Way } from './channel.ts';
import { caseOf } from './define.ts';
import { atOnce, jobStream, Provoked } from './destinations.ts';
import { named, type Recorder, recorderOf } from './guarantee-recorder.ts';
import { readAll, take } from './take.ts';

/** G01, G03, G05, G08, G15 to G18: what holds while nothing fails but handlers. The checker judges most of it. */
export const guaranteeCalm: readonly Case[] = [
  ...forBoth({
    id: 'G01',
    title: 'at-most-once: no message is handled twice, though handlers fail, and none is lost in a calm run',
    requires: { needs: { delivery: 'at-most-once' } },
    proves: ['delivery=at-most-once'],
    run: atMostOnce,
  }),
  ...forBoth({
    id: 'G03',
    title: 'at-least-once: of thousands of messages none is lost, and none comes twice in a calm run',
    proves: ['delivery=at-least-once'],
    timeoutMs: 60_000,
    run: thousands,
  }),
  caseOf({ requires: { kind: 'stream' } })({
    id: 'G03:stream',
    title: 'at-least-once: of thousands of appended records none is lost, and none stands twice in a calm run',
    proves: ['stream.delivery=at-least-once'],
    timeoutMs: 60_000,
    run: thousandsOfRecords,
  }),
  ...forBoth({
    id: 'G05',
    title: 'handlers that fail one time in five cost nothing: every message is handled in the end',
    run: failingHandlers,
  }),
  ...forBoth({
    id: 'G08',
    title: 'a message sent three times with one id is delivered once',
    priority: 1,
    requires: { needs: { dedup: true } },
    proves: ['dedup=window'],
    async run(context, way) {
      const channel = await channelOf(context, way, { needs: { dedup: true } })();
      const inbox = context.inbox();
      await channel.consume(inbox.handler);
      const jobs = context.jobs(20);
      for (const job of [...jobs, ...jobs, ...jobs]) await channel.send(job, { id: job.id });
      await inbox.complete(jobs, 'one of each');
      const [again] = context.jobs(1, 'again');
      await channel.send({ ...again!, n: jobs[0]!.n }, { id: `${jobs[0]!.id}-other` });
      await inbox.complete([...jobs, again!], 'the same contents with another id are another message');
    },
  }),
  caseOf({ requires: {} })({
    id: 'G15',
    title: 'queues, subscriptions and dead letters with names that resemble each other get their own messages only',
    run: neighbours,
  }),
  ...forBoth({
    id: 'G16',
    company: 'alone',
    title: 'what was accepted never comes again, neither after its lease nor to another consumer',
    requires: { able: heldByMessage },
    run: (context, way) => heldLonger(context, way, true),
  }),
  ...forBoth({
    id: 'G17',
    company: 'alone',
    title: 'what a consumer holds comes to nobody else while it lives, however long it holds it',
    priority: 1,
    requires: { able: heldByMessage },
    proves: ['style=lease', 'style=message'],
    run: (context, way) => heldLonger(context, way, false),
  }),
  ...forBoth({
    id: 'G18',
    company: 'alone',
    title: 'no message is in two handlers at once, though handlers take longer than the lease',
    run: neverTwoAtOnce,
  }),
];

/** All at once, each with an outcome of its own. */
const sendAll = (
  recorder: Recorder,
  jobs: readonly Job[],
  send: (job: Job) => Promise<unknown>,
  destination = 'way',
): Promise<unknown> => Promise.all(jobs.map((job) => recorder.send(destination, job, () => send(job))));

async function atMostOnce(context: Context, way: Way): Promise<void> {
  const recorder = recorderOf(context);
  const channel = await channelOf(context, way, { needs: { delivery: 'at-most-once' } })();
  recorder.ready(channel.source, 'way');
  const jobs = context.jobs(300);
  const inbox = context.inbox({
    handle({ n }) {
      if (n % 3 === 0) throw new Provoked();
    },
  });
  await channel.consume(recorder.handler<Job>(channel.source, (job, delivery) => inbox.handler(job, delivery)));
  await sendAll(recorder, jobs, (job) => channel.send(job, named(job)));
  await inbox.complete(jobs, 'each once');
  await recorder.judge({ delivery: 'at-most-once', order: 'none', minimum: { published: 300, handled: 200 } }, () =>
    channel.left(),
  );
}

async function thousands(context: Context, way: Way): Promise<void> {
  const recorder = recorderOf(context);
  const channel = await channelOf(context, way)();
  recorder.ready(channel.source, 'way');
  const count = way === 'queue' ? 10_000 : 2000;
  await channel.consume(recorder.handler<Job>(channel.source), { concurrency: 64 });
  const jobs = context.jobs(count);
  for (let from = 0; from < count; from += 1000) {
    await sendAll(recorder, jobs.slice(from, from + 1000), (job) => channel.send(job, named(job)));
  }
  await context.until('all to be handled', () => recorder.done.size >= count, 30_000).catch(() => undefined);
  context.saw(recorder.done.size);
  await recorder.judge(
    { delivery: 'at-least-once', order: 'none', minimum: { published: count, handled: count } },
    () => channel.left(),
  );
}

async function thousandsOfRecords(context: Context): Promise<void> {
  const recorder = recorderOf(context);
  const bus = await context.connect({ log: jobStream(context) });
  recorder.ready('reader', 'log');
  const jobs = context.jobs(2000);
  await sendAll(recorder, jobs, (job) => bus.log.append(job, named(job)), 'log');
  for (const record of await readAll(context, bus.log.read({ idleMs: 1000 }))) {
    recorder.end(recorder.begin('reader', record.value, record), 'ok');
  }
  await recorder.judge(
    { delivery: 'at-least-once', order: 'none', minimum: { published: 2000, handled: 2000 } },
    async () => 0,
  );
}

async function failingHandlers(context: Context, way: Way): Promise<void> {
  const recorder = recorderOf(context);
  const channel = await channelOf(context, way, { retry: { attempts: 20, backoff: () => 0 } })();
  recorder.ready(channel.source, 'way');
  let failures = 0;
  const handler = recorder.handler<Job>(channel.source, () => {
    if (context.random.below(5) > 0) return;
    failures += 1;
    throw new Provoked();
  });
  await channel.consume(handler);
  const jobs = context.jobs(500);
  await sendAll(recorder, jobs, (job) => channel.send(job, named(job)));
  await context.until('all to be handled', () => recorder.done.size >= jobs.length).catch(() => undefined);
  context.saw(recorder.done.size);
  context.expect.between(failures, 50, 300, 'failed runs');
  await recorder.judge({ delivery: 'at-least-once', order: 'none', minimum: { published: 500, handled: 500 } }, () =>
    channel.left(),
  );
}

interface Neighbour {
  readonly source: string;
  readonly send: (job: Job) => Promise<unknown>;
  readonly consume: (handler: Handler<Job>) => Promise<Consumer>;
}

async function neighbours(context: Context): Promise<void> {
  const recorder = recorderOf(context);
  const places = [...(await queuesOf(context)), ...(await subscriptionsOf(context))];
  for (const [index, { source, consume }] of places.entries()) {
    recorder.ready(source, `place-${index}`);
    await consume(recorder.handler<Job>(source));
  }
  const jobs = places.map((_, index) => context.jobs(50, `at-${index}`));
  await Promise.all(places.map(({ send }, index) => sendAll(recorder, jobs[index]!, send, `place-${index}`)));
  await context.until('all to be handled', () => recorder.done.size >= jobs.flat().length).catch(() => undefined);
  context.saw(recorder.done.size);
  await recorder.judge(
    { delivery: 'at-least-once', order: 'none', minimum: { handled: jobs.flat().length } },
    async () => 0,
  );
}

async function queuesOf(context: Context): Promise<Neighbour[]> {
  if (context.capabilities.queue === 'none') return [];
  const names = ['a', 'A', 'a.b', 'a-b', 'a_b', 'a.b.dead'].map((part) => context.name(part));
  const given = (name: string): Queue<Job> => queue(name, { schema: type<Job>(), retry: atOnce });
  const bus = (await context.connect(Object.fromEntries(names.map((name) => [name, given(name)])))) as Bus<
    Record<string, Queue<Job>>
  >;
  return names.map((name) => ({
    source: name,
    send: (job) => bus[name]!.send(job, named(job)),
    consume: (handler) => bus[name]!.consume(handler),
  }));
}

/** One subscription each of topics whose names and subscriptions could be taken apart in two ways. */
async function subscriptionsOf(context: Context): Promise<Neighbour[]> {
  const { topic: channel } = context.capabilities;
  if (channel === 'none' || channel.durable === 'none') return [];
  const pairs = [
    ['t', 'a.b'],
    ['t.a', 'b'],
    ['t-a', 'b'],
  ] as const;
  const names = [...new Set(pairs.map(([part]) => context.name(part)))];
  const given = (name: string): Topic<Job> => topic(name, { schema: type<Job>(), retry: atOnce });
  const bus = (await context.connect(Object.fromEntries(names.map((name) => [name, given(name)])))) as Bus<
    Record<string, Topic<Job>>
  >;
  return pairs.map(([part, subscription]) => {
    const place = bus[context.name(part)]!;
    return {
      source: `${context.name(part)}/${subscription}`,
      send: (job) => place.publish(job, named(job)),
      consume: (handler) => place.subscribe(handler, { subscription }),
    };
  });
}

/** These cases run alone: a process whose event loop stands still for so long loses its leases, and rightly. */
const leaseMs = 1000;

/** Half of what it took is accepted, half is held, for three leases. */
async function heldLonger(context: Context, way: Way, isAboutAccepted: boolean): Promise<void> {
  const open = channelOf(context, way);
  const [holder, other] = [await open(), await open()];
  const jobs = context.jobs(10);
  await holder.sendMany(jobs);
  const deliveries = await holder.receive({ concurrency: 10, maxInFlight: 10, leaseMs });
  const taken = await take(context, deliveries, 10);
  const accepted = isAboutAccepted ? taken.slice(0, 5) : [];
  for (const delivery of accepted) context.expect.equal(await delivery.accept(), 'settled', 'the accept');
  const inbox = context.inbox();
  await other.consume(inbox.handler, { leaseMs });
  await context.quiet(3 * leaseMs);
  context.expect.deepEqual(inbox.ids, [], 'what comes to another consumer meanwhile');
  const held = taken.slice(accepted.length);
  context.expect.ok(
    held.every(({ isOpen }) => isOpen),
    'what is held is still ours',
  );
  await deliveries.close();
  await inbox.complete(
    held.map(({ value }) => value),
    'what comes when the holder is closed: what it held, and nothing that it accepted',
  );
}

async function neverTwoAtOnce(context: Context, way: Way): Promise<void> {
  const open = channelOf(context, way);
  const running = new Map<string, number>();
  const together: string[] = [];
  const inbox = context.inbox({
    async handle({ id }) {
      const others = running.get(id) ?? 0;
      if (others > 0) together.push(id);
      running.set(id, others + 1);
      await sleep(context.random.below(2.4 * leaseMs));
      running.set(id, running.get(id)! - 1);
    },
  });
  const channels = [await open(), await open(), await open()];
  for (const channel of channels) await channel.consume(inbox.handler, { concurrency: 8, leaseMs });
  const jobs = context.jobs(40);
  await channels[0]!.sendMany(jobs);
  await inbox.complete(jobs, 'each once');
  context.expect.deepEqual(together, [], 'messages that were in two handlers at once');
}
