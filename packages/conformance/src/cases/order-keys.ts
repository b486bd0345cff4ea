import { type Bus, type Consumer, type Stream, stream, type } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Inbox, Job, Taken } from '../inbox.ts';
import { sleep } from '../waits.ts';
import { type Channel, channelOf, forBoth, type Way } from './channel.ts';
import { caseOf } from './define.ts';
import { Provoked } from './destinations.ts';
import { named, recorderOf } from './guarantee-recorder.ts';
import { gate } from './interposed.ts';

const needs = { order: 'key' } as const;
/** Jobs take turns among so many keys. */
const keyOf =
  (keys: number) =>
  ({ n }: Job): string =>
    `key-${n % keys}`;
const keyed = (keys: number) => ({ needs, key: keyOf(keys) });

/** O02 to O05, O12: one key is handled in order and one at a time, whoever handles it, and holds up no other. */
export const orderKeys: readonly Case[] = [
  ...forBoth({
    id: 'O02',
    title: 'messages of one key are handled in the order of sending, by ten consumers together',
    requires: { needs },
    proves: ['order=key'],
    run: tenConsumers,
  }),
  ...forBoth({
    id: 'O03',
    title: 'no two handlers of one key run at once, and the next begins after the one before has ended',
    requires: { needs },
    async run(context, way) {
      const channel = await channelOf(context, way, keyed(8))();
      const jobs = context.jobs(400);
      const inbox = context.inbox({ handle: () => sleep(context.random.below(6)) });
      await channel.consume(inbox.handler, { concurrency: 32, maxInFlight: 128 });
      await channel.sendMany(jobs);
      await inbox.complete(jobs, 'each once');
      expectInTurn(context, inbox.taken, 8);
    },
  }),
  ...forBoth({
    id: 'O04',
    title: 'handlers of different keys run at the same time',
    requires: { needs },
    run: keysBeside,
  }),
  ...forBoth({
    id: 'O05',
    title: 'a failing message holds its key until it succeeds, and no other key',
    requires: { needs },
    run: (context, way) => failingHead(context, way, 3),
  }),
  ...forBoth({
    id: 'O05:given.up',
    title: 'a failing message that is given up lets its key go on behind it',
    requires: { needs },
    run: (context, way) => failingHead(context, way, Infinity),
  }),
  ...forBoth({
    id: 'O12',
    title: 'handlers of one key never overlap while consumers come and go',
    priority: 1,
    requires: { needs },
    async run(context, way) {
      const open = channelOf(context, way, keyed(6));
      await comingAndGoing(context, await open(), async (handler) =>
        (await open()).consume(handler, { concurrency: 8 }),
      );
    },
  }),
  caseOf({ requires: { kind: 'stream', needs: { ...needs, group: true } } })({
    id: 'O12:stream',
    title: 'handlers of one key never overlap while members of a group come and go',
    priority: 1,
    run: membersComeAndGo,
  }),
];

async function tenConsumers(context: Context, way: Way): Promise<void> {
  const recorder = recorderOf(context);
  const open = channelOf(context, way, keyed(16));
  const channel = await open();
  recorder.ready(channel.source, 'way');
  const busses = [channel, await open(), await open()];
  for (let consumer = 0; consumer < 10; consumer++) {
    const handler = recorder.handler<Job>(channel.source, () => sleep(context.random.below(3)), `consumer-${consumer}`);
    await busses[consumer % busses.length]!.consume(handler, { concurrency: 4 });
  }
  const jobs = context.jobs(480);
  // Sixteen producers, each awaiting its own: what the order of a key is, is certain.
  await Promise.all(
    Array.from({ length: 16 }, async (_, lane) => {
      for (const job of jobs.filter(({ n }) => n % 16 === lane)) {
        await recorder.send('way', job, () => channel.send(job, named(job)), keyOf(16)(job));
      }
    }),
  );
  await context.until('all of them', () => recorder.done.size >= jobs.length, 20_000).catch(() => undefined);
  context.expect.equal(recorder.outcomes.ok, jobs.length, 'confirmed sends');
  await recorder.judge({ delivery: 'at-least-once', order: 'key', minimum: { handled: jobs.length } }, () =>
    channel.left(),
  );
}

/** Runs that succeed: each key in its order, and no run of it begins before the one before has ended. */
function expectInTurn(context: Context, taken: readonly Taken<Job>[], keys: number): void {
  for (const [key, runs] of byKey(taken, keys)) {
    const ns = runs.map(({ value }) => value.n);
    context.expect.deepEqual(
      ns,
      ns.toSorted((one, other) => one - other),
      `the order of ${key}`,
    );
    expectApart(context, key, runs);
  }
}

function expectApart(context: Context, key: string, runs: readonly Taken<Job>[]): void {
  const early = runs.filter(({ at }, index) => index > 0 && at < runs[index - 1]!.endedAt!);
  context.expect.deepEqual(
    early.map(({ value }) => value.id),
    [],
    `runs of ${key} that began before the one before had ended`,
  );
}

function byKey(taken: readonly Taken<Job>[], keys: number): ReadonlyMap<string, readonly Taken<Job>[]> {
  const runs = new Map<string, Taken<Job>[]>();
  for (const one of taken) {
    const key = keyOf(keys)(one.value);
    const list = runs.get(key) ?? [];
    list.push(one);
    runs.set(key, list);
  }
  return runs;
}

/** A meeting of four handlers: nobody leaves before all are there. */
async function keysBeside(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way, keyed(8))();
  const met = gate();
  const inbox = context.inbox({
    handle() {
      if (inbox.highWater >= 4) met.open();
      return met.passed;
    },
  });
  const jobs = context.jobs(40);
  await channel.consume(inbox.handler);
  await channel.sendMany(jobs);
  await context.until('four handlers at once', () => inbox.highWater >= 4).catch(() => met.open());
  await inbox.complete(jobs, 'each once');
  context.expect.between(inbox.highWater, 4, 8, 'handlers at once');
  expectInTurn(context, inbox.taken, 8);
}

/** The first message of `key-1` fails; what is behind it waits, and the other keys do not. */
async function failingHead(context: Context, way: Way, succeedsAt: number): Promise<void> {
  const channel = await channelOf(context, way, { ...keyed(4), retry: { attempts: 4, backoff: () => 500 } })();
  const jobs = context.jobs(40);
  const head = jobs[0]!;
  const inbox = context.inbox({
    handle({ id }, { attempt }) {
      if (id === head.id && attempt < succeedsAt) throw new Provoked();
    },
  });
  await channel.consume(inbox.handler);
  await channel.sendMany(jobs);
  const runs = Math.min(succeedsAt, 4);
  await inbox.complete(
    [...jobs, ...Array.from({ length: runs - 1 }, () => head)],
    'each once, the failing one more often',
  );
  const ofKey = byKey(inbox.taken, 4)
    .get('key-1')!
    .map(({ value }) => value.n);
  const behind = jobs.filter(({ n }) => n % 4 === 1 && n > 1).map(({ n }) => n);
  context.expect.deepEqual(ofKey, [...Array.from({ length: runs }, () => 1), ...behind], 'the runs of its key');
  const lastOfHead = inbox.ids.lastIndexOf(head.id);
  const others = inbox.taken.slice(0, lastOfHead).filter(({ value }) => value.n % 4 !== 1).length;
  context.expect.equal(others, 30, 'runs of other keys before the last of the failing message');
}

type Consume = (handler: Inbox<Job>['handler']) => Promise<Consumer>;

async function comingAndGoing(
  context: Context,
  { sendMany }: Pick<Channel, 'sendMany'>,
  consume: Consume,
): Promise<void> {
  const inbox = context.inbox({ handle: () => sleep(1 + context.random.below(4)) });
  const jobs = context.jobs(600);
  const running = [await consume(inbox.handler)];
  for (let round = 0; round < 6; round++) {
    await sendMany(jobs.slice(round * 100, round * 100 + 100));
    await inbox.atLeast(round * 100 + 20);
    running.push(await consume(inbox.handler));
    if (round % 2) await running.shift()!.close();
  }
  await inbox.complete(jobs, 'each once');
  expectInTurn(context, inbox.taken, 6);
}

async function membersComeAndGo(context: Context): Promise<void> {
  const given = { schema: type<Job>(), needs: { ...needs, group: true }, key: keyOf(6), partitions: 4 } as const;
  const destination: Stream<Job> = stream(context.name('log'), given);
  const bus = await context.connect({ log: destination });
  const consume = async (handler: Inbox<Job>['handler']): Promise<Consumer> => {
    const member: Bus<{ readonly log: Stream<Job> }> = await context.connect({ log: destination });
    return member.log.consume(handler, { group: 'g', concurrency: 8 });
  };
  await comingAndGoing(context, { sendMany: (jobs) => bus.log.appendMany(jobs) }, consume);
}
