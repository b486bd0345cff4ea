import { type Bus, type Stream, stream, type StreamNeeds, type StreamOptions, type } from '@waybill/core';
import type { PositionReceiver } from '@waybill/core/driver';
import { openBench, textOf } from '../bench.ts';
import type { Case } from '../case.ts';
import { commitsSeen } from '../commits.ts';
import type { Context } from '../context.ts';
import type { Inbox, Job } from '../inbox.ts';
import { caseOf } from './define.ts';
import { jobStream } from './destinations.ts';

const define = caseOf({ requires: { kind: 'stream', needs: { group: true } } });

/** S06 to S09, S14, S16, S19, S24, S26: a group goes on where it was, and never beyond what was handled. */
export const streamGroups: readonly Case[] = [
  define({
    id: 'S06',
    title: 'a group goes on exactly after its last record when its consumer was closed',
    proves: ['stream.group=native'],
    async run(context) {
      const { destination, bus, jobs } = await filled(context, 100);
      const first = context.inbox();
      const consumer = await bus.log.consume(first.handler, { group: 'g' });
      await first.complete(jobs, 'the first consumer');
      await consumer.close();
      const more = context.jobs(50, 'more');
      await bus.log.appendMany(more);
      const other = await context.connect({ log: destination });
      const second = context.inbox();
      await other.log.consume(second.handler, { group: 'g' });
      await second.complete(more, 'the next consumer: no gap, no repeat');
    },
  }),
  define({
    id: 'S07',
    title: 'a group whose consumer was killed misses nothing, and repeats only what was not committed',
    requires: { controls: ['child'] },
    timeoutMs: 60_000,
    run: killedMember,
  }),
  define({
    id: 'S08',
    title: 'a record that is not done holds the position of its group, whatever is done behind it',
    run: heldPosition,
  }),
  define({ id: 'S09', title: 'no position is committed before everything up to it was handled', run: commitsFollow }),
  caseOf({ requires: { kind: 'stream', needs: { order: 'key' } } })({
    id: 'S14',
    title: 'records of one key stand in one lane, in order',
    proves: ['stream.order=key'],
    run: keysInLanes,
  }),
  define({ id: 'S16', title: 'a member that joins and one that leaves cost the group nothing', run: joinAndLeave }),
  define({
    id: 'S26',
    title: 'a commit for a lane that has gone to another member is lost, and the other begins where nothing was done',
    run: lateCommit,
  }),
  define({
    id: 'S19',
    title: 'a new group gets the whole stream',
    async run(context) {
      const { bus, jobs } = await filled(context, 60);
      for (const group of ['one', 'two']) {
        const inbox = context.inbox();
        await bus.log.consume(inbox.handler, { group });
        await inbox.complete(jobs, `group ${group}`);
      }
    },
  }),
  define({
    id: 'S24',
    title: 'a group that was full of unfinished records goes on when they finish',
    priority: 1,
    async run(context) {
      // One lane: of several, those that are idle keep a place for themselves.
      const { bus, jobs } = await filled(context, 200, { partitions: 1 });
      let open = (): void => undefined;
      const gate = new Promise<void>((resolve) => (open = resolve));
      const inbox = context.inbox({ handle: () => gate });
      await bus.log.consume(inbox.handler, { group: 'g', concurrency: 8, window: 32 });
      await inbox.atLeast(8);
      await inbox.staysAt(8, 'handlers while none finishes');
      open();
      await inbox.complete(jobs, 'everything, when they finish');
    },
  }),
];

interface Filled {
  readonly destination: Stream<Job>;
  readonly bus: Bus<{ readonly log: Stream<Job> }>;
  readonly jobs: readonly Job[];
}

async function filled(context: Context, count: number, options: StreamOptions<Job> = {}): Promise<Filled> {
  const destination = jobStream(context, 'log', options);
  const bus = await context.connect({ log: destination });
  const jobs = context.jobs(count);
  await bus.log.appendMany(jobs);
  return { destination, bus, jobs };
}

async function killedMember(context: Context): Promise<void> {
  const { destination, bus, jobs } = await filled(context, 100);
  const input = { kind: 'stream', name: destination.name, group: 'g', options: { concurrency: 1 } };
  const child = await context.child('consumer', { input, holdAt: { handled: 40 } });
  await context.until('the child to have handled 40 records', () => child.reports.some(({ isHeld }) => isHeld), 30_000);
  const handled = child.reports
    .filter(({ point }) => point === 'handled')
    .map(({ detail }) => (detail as { readonly id: string }).id);
  context.evidence('kill', await child.kill());
  const inbox = context.inbox();
  await bus.log.consume(inbox.handler, { group: 'g' });
  await context.until('the last record', () => inbox.ids.includes(jobs.at(-1)!.id), 30_000);
  const all = new Set([...handled, ...inbox.ids]);
  context.expect.sameMembers(
    [...all],
    jobs.map(({ id }) => id),
    'both consumers together',
  );
  const resumedAt = jobs.findIndex(({ id }) => id === inbox.ids[0]);
  context.expect.between(resumedAt, 0, 40, 'where the group went on');
  context.expect.deepEqual(
    [...inbox.ids].sort(),
    jobs
      .slice(resumedAt)
      .map(({ id }) => id)
      .sort(),
    'without a hole from there',
  );
}

async function heldPosition(context: Context): Promise<void> {
  const { destination, bus, jobs } = await filled(context, 20, { partitions: 1 });
  const stuck = context.inbox({ handle: ({ n }, { delivery }) => (n === 5 ? aborted(delivery.signal) : undefined) });
  const consumer = await bus.log.consume(stuck.handler, { group: 'g', concurrency: 20, drainMs: 50 });
  await stuck.atLeast(20);
  await context.until(
    '19 records to be done',
    () => stuck.taken.filter(({ endedAt }) => endedAt !== undefined).length >= 19,
  );
  await consumer.close();
  const other = await context.connect({ log: destination });
  const inbox = context.inbox();
  await other.log.consume(inbox.handler, { group: 'g' });
  await inbox.complete(jobs.slice(4), 'the next consumer begins with the fifth record');
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Every commit that reaches the driver is held against the handlers that had ended by then. */
async function commitsFollow(context: Context): Promise<void> {
  const done = new Set<string>();
  const order: string[] = [];
  const early: string[] = [];
  let commits = 0;
  const driver = commitsSeen(await context.driver(), {
    pulled: (ids) => order.push(...ids),
    committed(id) {
      commits += 1;
      const upTo = order.slice(0, order.indexOf(id) + 1);
      early.push(...upTo.filter((one) => !done.has(one)));
    },
  });
  const bus = await context.connect({ log: jobStream(context) }, { driver });
  const jobs = context.jobs(200);
  await Promise.all(jobs.map((job) => bus.log.append(job, { id: job.id })));
  const inbox = context.inbox({
    async handle({ id }) {
      await context.quiet(context.random.below(5));
      done.add(id);
    },
  });
  const consumer = await bus.log.consume(inbox.handler, { group: 'g', concurrency: 16 });
  await inbox.complete(jobs, 'all records');
  await consumer.close();
  context.expect.deepEqual(early, [], 'records that were committed before they were handled');
  context.expect.between(commits, 1, 200, 'commits');
}

async function keysInLanes(context: Context): Promise<void> {
  const [, bus] = await partitioned(context, { order: 'key' });
  const jobs = context.jobs(200);
  await bus.log.appendMany(jobs);
  const lanes = new Map<string, Set<string>>();
  const seen = new Map<string, number[]>();
  for await (const { value, key = '', lane } of bus.log.read({ limit: 200 })) {
    context.saw(1);
    lanes.set(key, (lanes.get(key) ?? new Set()).add(lane));
    seen.set(key, [...(seen.get(key) ?? []), value.n]);
  }
  context.expect.equal(seen.size, 10, 'keys');
  for (const [key, ns] of seen) {
    context.expect.equal(lanes.get(key)!.size, 1, `lanes of ${key}`);
    context.expect.deepEqual(
      ns,
      [...ns].sort((one, other) => one - other),
      `the order of ${key}`,
    );
    context.expect.equal(ns.length, 20, `records of ${key}`);
  }
  context.evidence('lanes', new Set([...lanes.values()].flatMap((set) => [...set])).size);
}

/** Four partitions, or one lane where the broker refuses more. */
async function partitioned(
  context: Context,
  needs: StreamNeeds,
): Promise<readonly [Stream<Job>, Bus<{ readonly log: Stream<Job> }>]> {
  const given = { schema: type<Job>(), needs, key: ({ n }: Job) => `key-${n % 10}` } as const;
  const open = async (more: StreamOptions<Job>) => {
    const log: Stream<Job> = stream(context.name('log'), { ...given, ...more });
    return [log, await context.connect({ log })] as const;
  };
  try {
    return await open({ partitions: 4 });
  } catch (error) {
    await context.expect.rejects(
      () => {
        throw error;
      },
      'unsupported',
      'a stream with four partitions',
    );
    return open({});
  }
}

async function joinAndLeave(context: Context): Promise<void> {
  const [destination] = await partitioned(context, { group: true });
  const first = await member(context, destination);
  const jobs = context.jobs(300);
  await first.bus.log.appendMany(jobs.slice(0, 100));
  await first.inbox.atLeast(50);
  const second = await member(context, destination);
  await first.bus.log.appendMany(jobs.slice(100, 200));
  await first.bus.close();
  await second.bus.log.appendMany(jobs.slice(200));
  const all = (): readonly string[] => [...first.inbox.ids, ...second.inbox.ids];
  await context.until('all records', () => new Set(all()).size >= jobs.length);
  await context.quiet();
  context.expect.sameMembers(
    all(),
    jobs.map(({ id }) => id),
    'both members together: nothing lost, and nothing twice, since both left in order',
  );
}

/** Two partitions: a member that joins gets one of them, and with it what its holder has not committed. */
async function lateCommit(context: Context): Promise<void> {
  const { signal } = context;
  const bench = await openBench(context);
  const place = { kind: 'stream', name: context.name('log'), order: 'key' } as const;
  await bench.declare({ ...place, partitions: 2 });
  const source = { ...place, group: 'g', from: 'earliest' } as const;
  const texts = Array.from({ length: 40 }, (_, index) => `${index}`);
  await bench.send(place, ...texts.map((text) => bench.message(text, { key: `key-${Number(text) % 10}` })));
  const first = await bench.open(source);
  await context.until('both lanes', () => first.lanes.length === 2);
  const taken = await first.take(texts.length);
  const lanes = [...first.lanes];
  const second = await bench.open(source);
  await context.until('the second member to have a lane', () => second.lanes.length === 1, 30_000);
  const gone = lanes.find((lane) => !first.lanes.includes(lane))!;
  const open = taken.filter((record) => first.markOf(record).lane === gone);
  const marks = [first.markOf(open.at(-1)!)];
  const lost = await (first.receiver as PositionReceiver).commit!(marks);
  context.expect.deepEqual(
    lost.map(({ outcome }) => outcome),
    ['lost'],
    'a commit for the lane that has left',
  );
  const records = await second.lanes[0]!.pull(open.length, signal);
  context.saw(records.length);
  context.expect.deepEqual(records.map(textOf), open.slice(0, records.length).map(textOf), 'where the second begins');
}

async function member(
  context: Context,
  destination: Stream<Job>,
): Promise<{ readonly bus: Bus<{ readonly log: Stream<Job> }>; readonly inbox: Inbox<Job> }> {
  const bus = await context.connect({ log: destination });
  const inbox = context.inbox();
  await bus.log.consume(inbox.handler, { group: 'g', concurrency: 4 });
  return { bus, inbox };
}
