import type { Bus, Queue } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Inbox, Job } from '../inbox.ts';
import { sleep } from '../waits.ts';
import { caseOf } from './define.ts';
import { depthIs, jobQueue, Provoked } from './destinations.ts';

const define = caseOf({ requires: { kind: 'queue' } });

/** Q01 to Q06 and what else is about messages going through: once, whole, and nowhere else. */
export const queueBasics: readonly Case[] = [
  define({
    id: 'Q01',
    title: 'one message arrives with its id, body, headers, key and attempt 1',
    proves: ['queue.delivery=at-least-once'],
    run: oneMessage,
  }),
  define({
    id: 'Q02',
    title: 'a producer that sends and ends needs no consumer, and one that comes later gets everything',
    run: producerFirst,
  }),
  define({
    id: 'Q03',
    title: 'an empty queue delivers nothing and raises no error, and then delivers what is sent',
    async run(context) {
      const bus = await context.connect({ jobs: jobQueue(context) });
      const inbox = context.inbox();
      const consumer = await bus.jobs.consume(inbox.handler);
      await inbox.staysAt(0, 'nothing came out of an empty queue');
      context.expect.equal(consumer.state, 'live', 'the consumer of an empty queue');
      const [marker] = context.jobs(1, 'marker');
      await bus.jobs.send(marker!);
      await inbox.complete([marker!], 'only the marker arrived');
    },
  }),
  define({
    id: 'Q04',
    title: '1,000 messages arrive, each exactly once in a calm run',
    async run(context) {
      const bus = await context.connect({ jobs: jobQueue(context) });
      const inbox = context.inbox();
      const jobs = context.jobs(1000);
      await bus.jobs.consume(inbox.handler);
      await bus.jobs.sendMany(jobs);
      await inbox.complete(jobs, 'what arrived is what was sent');
    },
  }),
  define({
    id: 'Q05',
    title: 'three competing consumers share 300 messages: all arrive, none twice, nobody goes without',
    run: competing,
  }),
  define({
    id: 'Q06',
    title: 'two queues do not leak into each other',
    async run(context) {
      const bus = await context.connect({ left: jobQueue(context, 'left'), right: jobQueue(context, 'right') });
      const [left, right] = [context.inbox(), context.inbox()];
      await bus.left.consume(left.handler);
      await bus.right.consume(right.handler);
      const [toLeft, toRight] = [context.jobs(50, 'left'), context.jobs(50, 'right')];
      await Promise.all([bus.left.sendMany(toLeft), bus.right.sendMany(toRight)]);
      await left.complete(toLeft, 'the left queue');
      await right.complete(toRight, 'the right queue');
    },
  }),
  define({
    id: 'Q17',
    title: 'a batch of 500 arrives whole',
    async run(context) {
      const bus = await context.connect({ jobs: jobQueue(context) });
      const inbox = context.inbox();
      const jobs = context.jobs(500);
      await bus.jobs.sendMany(jobs);
      await bus.jobs.consume(inbox.handler, { concurrency: 64 });
      await inbox.complete(jobs, 'what arrived is what was sent');
      context.expect.ok(context.traffic.sent === 500, 'the batch went to the driver once');
    },
  }),
  define({
    id: 'Q26',
    title: 'a handler that sends to its own queue with one message in flight does not lock itself up',
    async run(context) {
      const bus = await context.connect({ jobs: jobQueue(context) });
      const jobs = context.jobs(20);
      const inbox = context.inbox({ handle: async ({ n }) => jobs[n] && bus.jobs.send(jobs[n]) });
      await bus.jobs.consume(inbox.handler, { concurrency: 1, maxInFlight: 1 });
      await bus.jobs.send(jobs[0]!);
      await inbox.complete(jobs, 'the chain of twenty');
    },
  }),
  define({
    id: 'Q27',
    title: 'what a handler sent before it threw was sent: once for each run',
    async run(context) {
      const bus = await context.connect({ jobs: jobQueue(context), effects: jobQueue(context, 'effects') });
      const effects = context.inbox();
      const [job] = context.jobs(1);
      const inbox = context.inbox({
        async handle({ id, n }, { attempt }) {
          await bus.effects.send({ id: `${id}-run-${attempt}`, n });
          if (attempt < 3) throw new Provoked();
        },
      });
      await bus.effects.consume(effects.handler);
      await bus.jobs.consume(inbox.handler);
      await bus.jobs.send(job!);
      const expected = [1, 2, 3].map((attempt) => ({ id: `${job!.id}-run-${attempt}` }));
      await effects.complete(expected, 'one effect for each run');
      context.expect.deepEqual(
        inbox.taken.map(({ attempt }) => attempt),
        [1, 2, 3],
        'the runs',
      );
    },
  }),
  define({
    id: 'Q28',
    title: 'messages that nobody consumes survive a restart of the broker',
    priority: 1,
    requires: {
      controls: ['stop'],
      able: ({ profile }) => (profile.durable === 'none' ? 'nothing here outlives the broker' : undefined),
    },
    timeoutMs: 90_000,
    run: idleThroughRestart,
  }),
];

async function oneMessage(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context, 'jobs', { key: ({ n }) => `key-${n}` }) });
  const inbox = context.inbox();
  const [job] = context.jobs(1);
  await bus.jobs.send(job!, { id: `${job!.id}-id`, headers: { 'x-color': 'blue' }, correlationId: 'order 7' });
  await bus.jobs.consume(inbox.handler);
  await inbox.complete([job!], 'exactly the one message arrived');
  const [taken] = inbox.taken;
  context.expect.deepEqual(taken!.value, job, 'the value');
  context.expect.equal(taken!.id, `${job!.id}-id`, 'the id');
  context.expect.equal(taken!.key, 'key-1', 'the key');
  context.expect.deepEqual(taken!.headers, { 'x-color': 'blue' }, 'the headers');
  context.expect.equal(taken!.delivery.correlationId, 'order 7', 'the correlation id');
  context.expect.equal(taken!.attempt, 1, 'the attempt');
}

/** In a process of its own where one can reach the broker; in any case on a bus that is gone before the consumer comes. */
async function producerFirst(context: Context): Promise<void> {
  const destination = jobQueue(context);
  const jobs = context.jobs(20);
  await produceAndEnd(context, destination, jobs);
  context.expect.equal(context.traffic.receivers, 0, 'receivers that the producer opened');
  const bus = await context.connect({ jobs: destination });
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  await inbox.complete(jobs, 'what was sent before the consumer came');
}

async function produceAndEnd(context: Context, destination: Queue<Job>, jobs: readonly Job[]): Promise<void> {
  const producer = await context.connect({ jobs: destination });
  if (!context.has('child')) {
    await producer.jobs.sendMany(jobs);
    return producer.close();
  }
  await producer.close();
  const child = await context.child('producer', { input: { kind: 'queue', name: destination.name, jobs } });
  const exit = await child.exited;
  context.expect.equal(exit.code, 0, `the exit code of the producer, which printed: ${child.output}`);
  context.evidence('producer', `a process of its own, pid ${child.pid}`);
}

async function competing(context: Context): Promise<void> {
  const destination = jobQueue(context);
  const consumers = await Promise.all([1, 2, 3].map(() => consumerOf(context, destination)));
  const early = await untilAllTake(context, consumers);
  const jobs = context.jobs(300);
  await consumers[0]!.bus.jobs.sendMany(jobs);
  const taken = (): readonly string[] => consumers.flatMap(({ inbox }) => inbox.ids);
  const sent = [...early, ...jobs].map(({ id }) => id);
  await context.until('all messages at three consumers', () => taken().length >= sent.length);
  await context.quiet();
  context.expect.sameMembers(taken(), sent, 'all consumers together');
  const shares = consumers.map(({ inbox }) => inbox.ids.filter((id) => jobs.some((job) => job.id === id)).length);
  for (const share of shares) context.expect.between(share, 1, 298, 'the share of one consumer');
  context.evidence('shares', shares.join(', '));
}

type Member = Awaited<ReturnType<typeof consumerOf>>;

/** Where lanes are shared out, a consumer that has opened waits for those before it: one by one, until each had one. */
async function untilAllTake(context: Context, consumers: readonly Member[]): Promise<readonly Job[]> {
  const sent: Job[] = [];
  await context.until('each consumer to get a message', async () => {
    const [job] = context.jobs(1, `early-${sent.length}`);
    sent.push(job!);
    await consumers[0]!.bus.jobs.send(job!);
    await sleep(20);
    return consumers.every(({ inbox }) => inbox.taken.length > 0);
  });
  return sent;
}

async function consumerOf(
  context: Context,
  destination: Queue<Job>,
): Promise<{ readonly bus: Bus<{ jobs: Queue<Job> }>; readonly inbox: Inbox<Job> }> {
  const bus = await context.connect({ jobs: destination });
  const inbox = context.inbox({ handle: () => sleep(3) });
  await bus.jobs.consume(inbox.handler, { concurrency: 4, maxInFlight: 8 });
  return { bus, inbox };
}

async function idleThroughRestart(context: Context): Promise<void> {
  const destination = jobQueue(context);
  const producer = await context.connect({ jobs: destination });
  const jobs = context.jobs(100);
  await producer.jobs.sendMany(jobs);
  if (context.capabilities.admin !== 'none') await depthIs(context, producer.jobs, jobs.length);
  await producer.close();
  await context.broker.stop();
  await context.broker.start();
  const bus = await context.connect({ jobs: destination });
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  await inbox.complete(jobs, 'what was stored before the restart');
}
