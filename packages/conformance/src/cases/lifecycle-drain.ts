import { type BusEvent, WaybillError } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { within } from '../waits.ts';
import { channelIn } from './channel.ts';
import { caseOf } from './define.ts';
import { jobQueue } from './destinations.ts';
import { gate, interposed } from './interposed.ts';

const define = caseOf({ requires: { kind: 'queue' } });

/** C04 to C07, C16, C18, C19: consumers that end and begin, and buses that do not know of each other. */
export const lifecycleDrain: readonly Case[] = [
  define({
    id: 'C04',
    title: 'a consumer that closes lets its handlers end, settles what they did, and gives back the rest as no attempt',
    run: drains,
  }),
  define({
    id: 'C05',
    title:
      'a handler that outlives the drain is told by its signal, does not hold up close, and its message comes again',
    run: drainDeadline,
  }),
  define({ id: 'C06', title: 'closing is no failure: no retry, no dead letter, no attempt', run: noFailure }),
  define({ id: 'C07', title: 'a consumer that is closed and opened again consumes, on the same bus', run: reopened }),
  define({
    id: 'C16',
    title: 'two drivers on one bus are independent: what one loses costs the other nothing',
    run: twoDrivers,
  }),
  define({
    id: 'C18',
    title:
      'a signal aborted during a send ends the wait and says what is known; aborted during a consume it closes the consumer',
    run: abortedDuring,
  }),
  define({ id: 'C19', title: 'two buses from the same declarations share nothing', run: twoBuses }),
];

async function drains(context: Context): Promise<void> {
  const door = gate();
  const bus = await context.connect({ jobs: jobQueue(context) });
  const jobs = context.jobs(30);
  await bus.jobs.sendMany(jobs);
  const first = context.inbox({ handle: () => door.passed });
  const consumer = await bus.jobs.consume(first.handler, { concurrency: 4, maxInFlight: 12 });
  await first.atLeast(4);
  const closing = consumer.close();
  await context.quiet();
  context.expect.equal(first.taken.length, 4, 'handlers that began after close');
  door.open();
  await within('closing', closing, context.timing.positiveMs);
  context.expect.equal(
    first.taken.filter(({ endedAt }) => endedAt !== undefined).length,
    4,
    'handlers that had ended when close resolved',
  );
  context.expect.equal(consumer.inFlight, 0, 'deliveries held after close');
  const second = context.inbox();
  await bus.jobs.consume(second.handler);
  const done = new Set(first.ids);
  await second.complete(
    jobs.filter(({ id }) => !done.has(id)),
    'the rest, and nothing that was done',
  );
  const counted = second.taken.filter(({ attempt }) => attempt !== 1).length;
  if (channelIn(context, 'queue')?.attempts === 'deliveries')
    context.evidence('deliveries counted by a broker that counts them all', counted);
  else context.expect.equal(counted, 0, 'messages to which it was counted as an attempt');
}

async function drainDeadline(context: Context): Promise<void> {
  const door = gate();
  let aborted = 0;
  const bus = await context.connect({ jobs: jobQueue(context) });
  const [job] = context.jobs(1);
  const first = context.inbox({
    handle(_, { delivery }) {
      delivery.signal.addEventListener('abort', () => (aborted += 1));
      return door.passed;
    },
  });
  const consumer = await bus.jobs.consume(first.handler, { drainMs: 300 });
  await bus.jobs.send(job!);
  await first.atLeast(1);
  const begun = performance.now();
  await within('closing with a handler that does not end', consumer.close(), 300 + context.timing.slackMs + 2000);
  context.expect.between(
    performance.now() - begun,
    290,
    300 + context.timing.slackMs + 2000,
    'milliseconds that close waited',
  );
  context.expect.equal(aborted, 1, 'signals that were aborted');
  const second = context.inbox();
  await bus.jobs.consume(second.handler);
  await second.atLeast(1);
  // The late handler ends well, which must touch neither the message nor its next run.
  door.open();
  await second.complete([job!], 'the message that was not done, once more');
}

async function noFailure(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context, 'jobs', { retry: { attempts: 1 } }) });
  const jobs = context.jobs(40);
  await bus.jobs.sendMany(jobs);
  const taken: string[] = [];
  for (let round = 0; round < 4; round++) {
    const inbox = context.inbox({ handle: () => context.quiet(10) });
    const consumer = await bus.jobs.consume(inbox.handler, { concurrency: 2, maxInFlight: 20 });
    await inbox.atLeast(5);
    await consumer.close();
    taken.push(...inbox.ids);
  }
  const last = context.inbox();
  await bus.jobs.consume(last.handler);
  await context.until('all jobs', () => new Set([...taken, ...last.ids]).size === jobs.length);
  await context.quiet();
  context.expect.sameMembers(
    [...taken, ...last.ids],
    jobs.map(({ id }) => id),
    'each once, over five consumers',
  );
  const failures = context.events.filter(({ type }) =>
    ['retry', 'dead-letter', 'dropped', 'held', 'delivery-lost'].includes(type),
  );
  context.expect.deepEqual(
    failures.map(({ type }) => type),
    [],
    'failures that were told',
  );
}

async function reopened(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) });
  for (const job of context.jobs(5)) {
    const inbox = context.inbox();
    const consumer = await bus.jobs.consume(inbox.handler);
    await bus.jobs.send(job);
    await inbox.complete([job], `round ${job.n}`);
    await consumer.close();
  }
}

async function twoDrivers(context: Context): Promise<void> {
  const [left, right] = [interposed(await context.driver()), await context.driver()];
  const [leftInbox, rightInbox] = [context.inbox(), context.inbox()];
  const bus = await context.connect({ right: jobQueue(context, 'right') }, { driver: right });
  const other = await context.connect({ left: jobQueue(context, 'left') }, { driver: left.driver });
  await bus.right.consume(rightInbox.handler);
  await other.left.consume(leftInbox.handler);
  await left.cut();
  const jobs = context.jobs(20, 'right');
  for (const job of jobs) await bus.right.send(job);
  await rightInbox.complete(jobs, 'the one whose neighbour was cut off');
  context.expect.deepEqual(Object.values(bus.state), ['live'], 'its state');
  context.expect.ok(!Object.values(other.state).includes('live'), 'the neighbour was cut off all the while');
  left.mend();
  const later = context.jobs(20, 'left');
  await other.left.sendMany(later);
  await leftInbox.complete(later, 'the neighbour, when it is back');
}

async function abortedDuring(context: Context): Promise<void> {
  const door = gate();
  let isShut = false;
  const { driver } = interposed(await context.driver(), {
    async send(send) {
      if (isShut) await door.passed;
      return send();
    },
  });
  const bus = await context.connect({ jobs: jobQueue(context) }, { driver, window: 1 });
  const [marker, out, waiting] = context.jobs(3);
  const [giveUp, stop] = [new AbortController(), new AbortController()];
  const inbox = context.inbox();
  const consumer = await bus.jobs.consume(inbox.handler, { signal: stop.signal });
  isShut = true;
  const first = bus.jobs.send(out!, { signal: giveUp.signal });
  const second = bus.jobs.send(waiting!, { signal: giveUp.signal });
  const both = Promise.allSettled([first, second]);
  await context.quiet();
  giveUp.abort();
  const [sent, queued] = (await within('two sends that were given up', both, 1000)).map(codeOf);
  context.expect.equal(sent, 'unknown-outcome', 'a message that the driver has');
  context.expect.equal(queued, 'aborted', 'a message that waited, and is certainly not stored');
  door.open();
  await bus.jobs.send(marker!);
  await context.until('the marker', () => inbox.ids.includes(marker!.id));
  await context.quiet();
  context.expect.ok(!inbox.ids.includes(waiting!.id), 'what is certainly not stored does not arrive');
  stop.abort();
  await context.until('the consumer to close', () => consumer.state === 'closed');
  await bus.jobs.send(marker!);
  const before = inbox.taken.length;
  await inbox.staysAt(before, 'a consumer whose signal was aborted takes nothing');
}

const codeOf = (one: PromiseSettledResult<unknown>): string =>
  one.status === 'fulfilled' ? 'stored' : WaybillError.is(one.reason) ? one.reason.code : String(one.reason);

async function twoBuses(context: Context): Promise<void> {
  const destinations = { jobs: jobQueue(context) };
  const events: BusEvent[] = [];
  const [one, other] = [
    await context.connect(destinations),
    await context.connect(destinations, { observe: (event) => void events.push(event) }),
  ];
  const [inbox, jobs] = [context.inbox(), context.jobs(10)];
  await one.jobs.consume(inbox.handler);
  await other.attach(jobQueue(context, 'more'));
  context.expect.ok(
    other.plan.length > one.plan.length || one.plan.every(({ destination }) => destination !== context.name('more')),
    'what one attaches is not in the plan of the other',
  );
  const before = JSON.stringify(one.plan);
  const gone = await other.jobs.consume(() => context.expect.fail('the other bus was to get nothing'));
  await gone.close();
  await other.close();
  await one.jobs.sendMany(jobs);
  await inbox.complete(jobs, 'the bus that stays');
  context.expect.deepEqual(Object.values(one.state), ['live'], 'its state');
  context.expect.equal(JSON.stringify(one.plan), before, 'its plan');
  context.expect.ok(
    events.some((event) => event.type === 'link' && event.state === 'closed'),
    'the other told its end to its own observer',
  );
}
