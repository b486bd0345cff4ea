import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { channelIn } from './channel.ts';
import { caseOf } from './define.ts';
import { jobQueue } from './destinations.ts';

const define = caseOf({ requires: { kind: 'queue', controls: ['child'] }, kind: 'fault', priority: 0 });

/** X22, X24: consumers and producers that are killed, at every point that matters. */
export const faultProcesses: readonly Case[] = [
  define({
    id: 'X22',
    title: 'what a killed consumer had not settled comes again, wherever it was killed',
    timeoutMs: 60_000,
    run: (context) => eachOf(context, consumerPoints, killedConsumer),
  }),
  define({
    id: 'X24',
    title: 'what a killed producer was told to be stored is there, and each other message once at most',
    timeoutMs: 60_000,
    run: (context) => eachOf(context, producerPoints, killedProducer),
  }),
];

interface Point {
  readonly part: string;
  readonly holdAt: Readonly<Record<string, number>>;
  readonly pipelined?: boolean;
}

const consumerPoints: readonly Point[] = [
  { part: 'first-begun', holdAt: { handling: 1 } },
  { part: 'first-done', holdAt: { handled: 1 } },
  { part: 'amid', holdAt: { handling: 9 } },
  { part: 'amid-done', holdAt: { handled: 9 } },
];
const producerPoints: readonly Point[] = [
  { part: 'before', holdAt: { sending: 1 } },
  { part: 'amid', holdAt: { sending: 10 } },
  { part: 'after', holdAt: { sent: 10 } },
  { part: 'pipelined', holdAt: { sent: 3 }, pipelined: true },
];

const eachOf = async (
  context: Context,
  points: readonly Point[],
  run: (context: Context, point: Point) => Promise<void>,
): Promise<void> => {
  await Promise.all(points.map((point) => run(context, point)));
};

async function killedConsumer(context: Context, { part, holdAt }: Point): Promise<void> {
  const destination = jobQueue(context, part);
  const bus = await context.connect({ jobs: destination });
  const jobs = context.jobs(20, part);
  await bus.jobs.sendMany(jobs);
  const child = await context.child('consumer', {
    input: { kind: 'queue', name: destination.name, options: { concurrency: 1, maxInFlight: 5 } },
    holdAt,
  });
  await context.until(
    `the consumer to be where it is killed (${part})`,
    () => child.reports.some(({ isHeld }) => isHeld),
    30_000,
  );
  context.evidence(`kill ${part}`, await child.kill());
  const passed = (point: string): readonly string[] =>
    child.reports.filter((one) => one.point === point).map(({ detail }) => (detail as Job).id);
  const held = child.reports.find(({ isHeld }) => isHeld)!.detail as Job;
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  const done = new Set(passed('handled').filter((id) => id !== held.id));
  const owed = jobs.filter(({ id }) => !done.has(id));
  await context.until(`what was not done (${part})`, () => owed.every(({ id }) => inbox.ids.includes(id)), 20_000);
  await context.quiet();
  context.expect.equal(new Set(inbox.ids).size, inbox.ids.length, `${part}: what came again came once`);
  context.expect.ok(inbox.ids.includes(held.id), `${part}: the message it was killed with comes again`);
  context.expect.deepEqual(
    owed.filter(({ id }) => !inbox.ids.includes(id)),
    [],
    `${part}: what was not done and did not come again`,
  );
  const again = inbox.ids.filter((id) => done.has(id)).length;
  context.expect.between(again, 0, mostAgain(context, done.size), `${part}: messages that were done and came again`);
}

/**
 * Done, and its settlement not sent yet: those may come again, and no others. Settlements go out every turn, of at most the
 * five in flight; positions are committed now and then.
 */
function mostAgain({ capabilities }: Context, done: number): number {
  return channelIn({ capabilities }, 'queue')?.style === 'position' ? done : 5;
}

async function killedProducer(context: Context, { part, holdAt, pipelined = false }: Point): Promise<void> {
  const destination = jobQueue(context, part);
  const bus = await context.connect({ jobs: destination });
  const jobs = context.jobs(30, part);
  const child = await context.child('producer', {
    input: { kind: 'queue', name: destination.name, jobs, pipelined },
    holdAt,
  });
  await context.until(
    `the producer to be where it is killed (${part})`,
    () => child.reports.some(({ isHeld }) => isHeld),
    30_000,
  );
  context.evidence(`kill ${part}`, await child.kill());
  const reported = (point: string): readonly string[] =>
    child.reports.filter((one) => one.point === point).map(({ detail }) => idOf(detail));
  const [sending, sent] = [new Set(reported('sending')), reported('sent')];
  const inbox = context.inbox();
  const [marker] = context.jobs(1, `${part}-marker`);
  await bus.jobs.send(marker!);
  await bus.jobs.consume(inbox.handler);
  await context.until(`the marker (${part})`, () => inbox.ids.includes(marker!.id));
  await context.quiet();
  const arrived = inbox.ids.filter((id) => id !== marker!.id);
  context.expect.equal(new Set(arrived).size, arrived.length, `${part}: each once at most`);
  context.expect.deepEqual(
    sent.filter((id) => !arrived.includes(id)),
    [],
    `${part}: messages that were told to be stored and are not there`,
  );
  context.expect.deepEqual(
    arrived.filter((id) => !sending.has(id)),
    [],
    `${part}: messages that nobody sent`,
  );
  context.expect.ok(reported('sending').length > 0, `${part}: the producer was sending`);
}

const idOf = (detail: unknown): string => (typeof detail === 'string' ? detail : (detail as Job).id);
