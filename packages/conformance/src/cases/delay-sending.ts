import { queue, type } from '@waybill/core';
import type { Case, Facts } from '../case.ts';
import type { Context } from '../context.ts';
import type { Inbox, Job } from '../inbox.ts';
import { channelIn, channelOf, forBoth, forWay, type Way } from './channel.ts';

const needs = { delay: true } as const;
/** Clocks of a process round to whole milliseconds, and timers may fire one early. */
const roundingMs = 3;
const dayMs = 86_400_000;

/** L01 to L07: a delayed message is handled when it is due, whoever is gone meanwhile. */
export const delaySending: readonly Case[] = [
  ...forBoth({
    id: 'L01',
    title: 'a delayed message is handled when it is due, and never earlier',
    requires: { needs },
    proves: ['delay=native'],
    async run(context, way) {
      const channel = await channelOf(context, way, { needs })();
      const inbox = context.inbox();
      await channel.consume(inbox.handler);
      const jobs = context.jobs(4);
      const due = new Map<string, number>();
      for (const job of jobs) {
        const delayMs = [0, 150, 600, 1300][job.n - 1]!;
        due.set(job.id, performance.now() + delayMs);
        await channel.send(job, { delayMs });
      }
      await inbox.complete(jobs, 'each once');
      expectInTime(context, inbox, due);
    },
  }),
  ...forBoth({
    id: 'L02',
    title: 'each message of a delayed batch is handled when it is due',
    priority: 1,
    requires: { needs },
    async run(context, way) {
      const channel = await channelOf(context, way, { needs })();
      const inbox = context.inbox();
      await channel.consume(inbox.handler);
      const jobs = context.jobs(200);
      const due = performance.now() + 700;
      await channel.sendMany(jobs, { delayMs: 700 });
      await inbox.complete(jobs, 'each once');
      expectInTime(context, inbox, new Map(jobs.map(({ id }) => [id, due])));
    },
  }),
  ...forBoth({
    id: 'L03',
    title: 'a message that is not due yet does not hold up those behind it',
    requires: { needs },
    async run(context, way) {
      const channel = await channelOf(context, way, { needs })();
      const inbox = context.inbox();
      await channel.consume(inbox.handler, { concurrency: 1, maxInFlight: 1 });
      const [late, ...others] = context.jobs(21);
      await channel.send(late!, { delayMs: 1200 });
      await channel.sendMany(others);
      await inbox.complete([...others, late!], 'all of them');
      context.expect.equal(inbox.ids.at(-1), late!.id, 'the last one');
    },
  }),
  forWay('queue', {
    id: 'L04',
    title: 'a delayed message survives the death of the broker, and is still not early',
    kind: 'fault',
    requires: { needs, controls: ['kill'] },
    timeoutMs: 90_000,
    run: brokerDies,
  }),
  forWay('queue', {
    id: 'L05',
    title: 'a delayed message is handled when it is due though its producer has ended',
    requires: { needs },
    timeoutMs: 60_000,
    run: producerEnds,
  }),
  ...forBoth({
    id: 'L06',
    title: 'messages with different delays arrive in the order in which they are due',
    priority: 1,
    requires: { needs },
    async run(context, way) {
      const channel = await channelOf(context, way, { needs })();
      const inbox = context.inbox();
      await channel.consume(inbox.handler);
      const jobs = context.jobs(3);
      // A second apart, since some brokers keep delays in whole seconds.
      const delays = [3000, 1000, 2000];
      await Promise.all(jobs.map((job) => channel.send(job, { delayMs: delays[job.n - 1]! })));
      await inbox.complete(jobs, 'each once');
      context.expect.deepEqual(
        inbox.taken.map(({ value }) => value.n),
        [2, 3, 1],
        'the order',
      );
    },
  }),
  ...forBoth({
    id: 'L07',
    title: 'a delay above the longest is refused before anything is sent, and the limit is named',
    requires: { needs },
    proves: ['limits.maxDelayMs'],
    run: tooLong,
  }),
];

function expectInTime(context: Context, { taken }: Inbox<Job>, due: ReadonlyMap<string, number>): void {
  const late = taken.map(({ value, at }) => ({ id: value.id, ms: at - due.get(value.id)! }));
  for (const { id, ms } of late)
    context.expect.between(ms, -roundingMs, context.timing.slackMs, `milliseconds that ${id} came after it was due`);
  context.evidence('latest, ms', Math.round(Math.max(...late.map(({ ms }) => ms))));
}

async function brokerDies(context: Context, way: Way): Promise<void> {
  const open = channelOf(context, way, { needs });
  const producer = await open();
  const jobs = context.jobs(50);
  const due = performance.now() + 3000;
  await producer.sendMany(jobs, { delayMs: 3000 });
  await context.broker.kill();
  await producer.close();
  await context.broker.start();
  const channel = await open();
  const inbox = context.inbox();
  await channel.consume(inbox.handler);
  await inbox.complete(jobs, 'after the broker came back');
  for (const { at, id } of inbox.taken) context.expect.ok(at >= due - roundingMs, `${id} came ${due - at} ms early`);
}

/** In a process of its own where one can reach the broker; in any case on a bus that is gone when the message is due. */
async function producerEnds(context: Context): Promise<void> {
  const destination = queue(context.name('jobs'), { schema: type<Job>(), needs });
  const jobs = context.jobs(5);
  const sentFrom = performance.now();
  await produceAndEnd(context, destination.name, jobs);
  const storedBy = performance.now();
  const bus = await context.connect({ jobs: destination });
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  await inbox.complete(jobs, 'what the producer left behind');
  for (const { at, id } of inbox.taken) {
    context.expect.between(
      at,
      sentFrom + 1500 - roundingMs,
      storedBy + 1500 + context.timing.slackMs,
      `when ${id} came`,
    );
  }
}

async function produceAndEnd(context: Context, name: string, jobs: readonly Job[]): Promise<void> {
  if (!context.has('child')) {
    const bus = await context.connect({ jobs: queue(name, { schema: type<Job>(), needs }) });
    for (const job of jobs) await bus.jobs.send(job, { delayMs: 1500 });
    return bus.close();
  }
  // Its places are declared here, so that they are removed in the end.
  await (await context.connect({ jobs: queue(name, { schema: type<Job>(), needs }) })).close();
  const child = await context.child('sender', { input: { name, needs, options: { delayMs: 1500 }, jobs } });
  const { code } = await child.exited;
  context.expect.equal(code, 0, `the exit code of the producer, which printed: ${child.output}`);
  context.evidence('producer', `a process of its own, pid ${child.pid}`);
}

/** Where core keeps the time there is no limit but reason: a year. */
const longestDelayMs = (facts: Pick<Facts, 'capabilities'>, way: Way): number => {
  const channel = channelIn(facts, way);
  return channel?.delay === 'native' ? Math.min(channel.limits.maxDelayMs, 366 * dayMs) : 366 * dayMs;
};

async function tooLong(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way, { needs })();
  const limit = longestDelayMs(context, way);
  const [tooFar, marker] = context.jobs(2);
  for (const delayMs of [limit + 1, -1, Number.NaN]) {
    const error = await context.expect.rejects(
      channel.send(tooFar!, { delayMs }),
      'invalid',
      `a delay of ${delayMs} ms`,
    );
    context.expect.match(error.message, /delayMs/, 'what is named');
    context.expect.equal(error.outcome, 'rejected', 'the outcome');
  }
  const named = await context.expect.rejects(channel.sendMany([tooFar!], { delayMs: limit + 1 }), 'invalid', 'a batch');
  context.expect.match(named.message, new RegExp(`${limit}|year`), 'the limit');
  context.expect.equal(context.traffic.sent, 0, 'messages that went to the driver');
  const inbox = context.inbox();
  await channel.consume(inbox.handler);
  await channel.send(marker!);
  await inbox.complete([marker!], 'only the marker');
}
