import { queue, type } from '@waybill/core';
import type { Case, Control } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { sleep } from '../waits.ts';
import { type Channel, channelOf, type Way } from './channel.ts';
import { caseOf } from './define.ts';
import { jobStream } from './destinations.ts';
import { named, type Recorder, recorderOf } from './guarantee-recorder.ts';
import { readAll } from './take.ts';

type Fault = 'kill' | 'stop' | 'pause' | 'disconnect';
const evenWhen: Readonly<Record<Fault, string>> = {
  kill: 'the broker is killed',
  stop: 'the broker is restarted',
  pause: 'the broker stops answering for a second',
  disconnect: 'all connections are lost',
};

const underFault = (fault: Fault): Case =>
  caseOf({ requires: {} })({
    id: `G04:${fault}`,
    title: `at-least-once: nothing that was confirmed is lost when ${evenWhen[fault]}, and every duplicate has a reason`,
    kind: 'fault',
    priority: fault === 'stop' ? 1 : 0,
    requires: { controls: [fault] },
    timeoutMs: 120_000,
    run: (context) => throughFault(context, fault),
  });

const survives = (id: string, title: string, agedMs: number): Case =>
  caseOf({ requires: {} })({
    id,
    title,
    kind: 'fault',
    requires: { controls: ['kill'] },
    timeoutMs: 120_000,
    run: (context) => storedThenKilled(context, agedMs),
  });

/** G02, G04, G07: what is promised holds when something dies. */
export const guaranteeFaults: readonly Case[] = [
  caseOf({ requires: { kind: 'queue' } })({
    id: 'G02',
    title: 'at-most-once: what a killed consumer had begun to handle is never handled again, wherever it was killed',
    kind: 'fault',
    requires: { needs: { delivery: 'at-most-once' }, controls: ['child'] },
    timeoutMs: 60_000,
    run: killedAtMostOnce,
  }),
  ...(['kill', 'stop', 'pause', 'disconnect'] as const satisfies readonly Control[]).map(underFault),
  survives('G07', 'what was confirmed is there after the broker was killed at once', 2000),
  survives(
    'G07:fresh',
    'what was confirmed is there after the broker was killed at once, also in places that were only just made',
    0,
  ),
];

/** Where each of the four consumers is when it is killed. */
const points = [{ handling: 1 }, { handling: 7 }, { handled: 1 }, { handled: 7 }] as const;

async function killedAtMostOnce(context: Context): Promise<void> {
  await Promise.all(points.map((holdAt, index) => killedAt(context, `at-${index}`, holdAt)));
}

async function killedAt(context: Context, part: string, holdAt: Readonly<Record<string, number>>): Promise<void> {
  const destination = queue(context.name(part), { schema: type<Job>(), needs: { delivery: 'at-most-once' } });
  const bus = await context.connect({ jobs: destination });
  const jobs = context.jobs(20, part);
  await bus.jobs.sendMany(jobs);
  const child = await context.child('consumer', {
    input: { kind: 'queue', name: destination.name, delivery: 'at-most-once', options: { concurrency: 4 } },
    holdAt,
  });
  await context.until(
    'the consumer to be where it is killed',
    () => child.reports.some(({ isHeld }) => isHeld),
    30_000,
  );
  context.evidence(`kill ${part}`, await child.kill());
  const begun = child.reports.filter(({ point }) => point === 'handling').map(({ detail }) => (detail as Job).id);
  context.expect.between(begun.length, 1, 20, 'messages that the killed consumer had begun');
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  const markers = context.jobs(5, `${part}-marker`);
  await bus.jobs.sendMany(markers);
  await context.until('the markers', () => markers.every(({ id }) => inbox.ids.includes(id)));
  await context.quiet();
  context.expect.deepEqual(
    inbox.ids.filter((id) => begun.includes(id)),
    [],
    'messages that were handled again',
  );
  context.expect.equal(new Set(inbox.ids).size, inbox.ids.length, 'what the next consumer got, each once');
}

interface Place {
  readonly name: string;
  readonly send: (job: Job) => Promise<unknown>;
  /** Whatever has not been handled while the fault was on. */
  readonly finish: (recorder: Recorder) => Promise<void>;
}

/** A consumer that runs all the time, recorded. */
async function consumed(context: Context, recorder: Recorder, way: Way): Promise<Place> {
  const open = channelOf(context, way);
  const [producer, consumer] = [await open(), await open({ observe: recorder.observe })];
  recorder.ready(consumer.source, way);
  await consumer.consume(recorder.handler<Job>(consumer.source, () => sleep(context.random.below(4)), way));
  return { name: way, send: (job) => producer.send(job, named(job)), finish: () => emptied(context, consumer) };
}

const emptied = async (context: Context, channel: Channel): Promise<void> => {
  if (context.capabilities.admin === 'none') return;
  await context.until(`nothing to be left in ${channel.source}`, async () => (await channel.left()) === 0, 30_000);
};

/** A log that is read when all is over. */
async function logged(context: Context, recorder: Recorder): Promise<Place> {
  const bus = await context.connect({ log: jobStream(context) });
  recorder.ready('reader', 'log');
  return {
    name: 'log',
    send: (job) => bus.log.append(job, named(job)),
    async finish() {
      for (const record of await readAll(context, bus.log.read({ idleMs: 2000 }))) {
        recorder.end(recorder.begin('reader', record.value, record, 'log'), 'ok');
      }
    },
  };
}

async function throughFault(context: Context, fault: Fault): Promise<void> {
  const recorder = recorderOf(context);
  const { topic, stream } = context.capabilities;
  const places = [
    ...(context.capabilities.queue === 'none' ? [] : [await consumed(context, recorder, 'queue')]),
    ...(topic === 'none' || topic.durable === 'none' ? [] : [await consumed(context, recorder, 'topic')]),
    ...(stream === 'none' ? [] : [await logged(context, recorder)]),
  ];
  let isOver = false;
  const producing = Promise.all(places.map((place) => produce(context, recorder, place, () => isOver)));
  await context.until('traffic before the fault', () => recorder.outcomes.ok >= 100 * places.length);
  await recorder.fault(
    fault,
    'broker',
    () => context.broker[fault](),
    () => mend(context, fault),
  );
  const before = recorder.outcomes.ok;
  await context.until('traffic after the fault', () => recorder.outcomes.ok >= before + 100 * places.length, 30_000);
  isOver = true;
  await producing;
  for (const { finish } of places) await finish(recorder);
  context.saw(recorder.done.size);
  context.evidence('outcomes', JSON.stringify(recorder.outcomes));
  const verdict = await recorder.judge(
    {
      delivery: 'at-least-once',
      order: 'none',
      acceptance: 'sent',
      minimum: { published: 500, handled: 500, faults: 1 },
    },
    async () => 0,
  );
  context.evidence('explained', JSON.stringify(verdict.counts.explained));
}

async function mend(context: Context, fault: Fault): Promise<void> {
  if (fault === 'pause') {
    await context.quiet(1000);
    await context.broker.resume();
  } else if (fault !== 'disconnect') await context.broker.start();
}

/** Bursts, one after another, so that the fault finds some on their way. */
async function produce(
  context: Context,
  recorder: Recorder,
  { name, send }: Place,
  isOver: () => boolean,
): Promise<void> {
  const jobs = context.jobs(20_000, name);
  while (!isOver() && jobs.length > 0) {
    await Promise.all(jobs.splice(0, 20).map((job) => recorder.send(name, job, () => send(job))));
    await sleep(2);
  }
}

/** Nobody consumes: what is found afterwards is what the broker had stored. */
async function storedThenKilled(context: Context, agedMs: number): Promise<void> {
  const { topic, stream } = context.capabilities;
  const ways = [
    ...(context.capabilities.queue === 'none' ? [] : ['queue' as const]),
    ...(topic === 'none' || topic.durable === 'none' ? [] : ['topic' as const]),
  ];
  const opens = ways.map((way) => channelOf(context, way));
  const channels = await Promise.all(opens.map((open) => open()));
  const log = stream === 'none' ? undefined : await context.connect({ log: jobStream(context) });
  const madeAt = performance.now();
  if (agedMs > 0) await context.quiet(agedMs);
  const jobs = context.jobs(300);
  await Promise.all([...channels.map((channel) => channel.sendMany(jobs)), log?.log.appendMany(jobs)]);
  context.evidence('milliseconds from made to killed', Math.round(performance.now() - madeAt));
  await context.broker.kill();
  await context.broker.start();
  for (const [index, open] of opens.entries()) {
    const inbox = context.inbox();
    await (await open()).consume(inbox.handler);
    await inbox.complete(jobs, `the ${ways[index]}`);
  }
  if (!log) return;
  const records = await readAll(
    context,
    (await context.connect({ log: jobStream(context) })).log.read({ idleMs: 2000 }),
  );
  context.expect.sameMembers(
    records.map(({ value }) => value.id),
    jobs.map(({ id }) => id),
    'the stream',
  );
}
