import { deadLettersOf, type Delivery } from '@waybill/core';
import type { Case, Facts } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { caseOf } from './define.ts';
import { depthIs, jobQueue, Provoked } from './destinations.ts';
import { take } from './take.ts';

const define = caseOf({ requires: { kind: 'queue' } });

const countsDeliveries = ({ capabilities: { queue } }: Facts): string | undefined =>
  queue !== 'none' && (queue.attempts === 'none' || queue.attempts === 'flag')
    ? `this broker knows no number of deliveries (attempts: ${queue.attempts})`
    : undefined;

/** Q07 to Q20: what becomes of a message is said once, and holds. */
export const queueSettling: readonly Case[] = [
  define({
    id: 'Q07',
    title: 'an accepted message is gone: no later consumer gets it, and nothing is left',
    async run(context) {
      const destination = jobQueue(context);
      const first = await context.connect({ jobs: destination });
      const inbox = context.inbox();
      const jobs = context.jobs(20);
      await first.jobs.sendMany(jobs);
      await first.jobs.consume(inbox.handler);
      await inbox.complete(jobs, 'the first consumer');
      await first.close();
      const second = await context.connect({ jobs: destination });
      const later = context.inbox();
      await second.jobs.consume(later.handler);
      await later.staysAt(0, 'what a later consumer got');
      if (context.capabilities.admin !== 'none') await depthIs(context, second.jobs, 0);
    },
  }),
  define({
    id: 'Q08',
    title: 'a released message comes again with the same id and bytes',
    async run(context) {
      const bus = await context.connect({ jobs: jobQueue(context) });
      const [job] = context.jobs(1);
      const inbox = context.inbox({ handle: (_, { delivery, nth }) => nth === 1 && delivery.release() });
      await bus.jobs.consume(inbox.handler);
      await bus.jobs.send(job!, { id: 'same-id', headers: { 'x-same': 'yes' } });
      await inbox.complete([job!, job!], 'the message and its return');
      const seen = inbox.taken.map(({ id, value, headers }) => ({ id, value, headers }));
      context.expect.deepEqual(seen[1], seen[0], 'the returned message');
    },
  }),
  define({
    id: 'Q09',
    title: 'a rejected message never returns, and lies in the dead letters with its reason',
    run: rejected,
  }),
  define({
    id: 'Q10',
    title: 'a consumer that closes gives back what it has not settled, and only that',
    async run(context) {
      const destination = jobQueue(context);
      const bus = await context.connect({ jobs: destination });
      const jobs = context.jobs(10);
      await bus.jobs.sendMany(jobs);
      const deliveries = await bus.jobs.receive({ concurrency: 10, maxInFlight: 10 });
      const held = await take(context, deliveries, 10);
      await Promise.all(held.slice(0, 3).map((delivery) => delivery.accept()));
      await deliveries.close();
      const inbox = context.inbox();
      await bus.jobs.consume(inbox.handler);
      await inbox.complete(
        held.slice(3).map(({ value }) => value),
        'what comes to the next consumer',
      );
    },
  }),
  define({ id: 'Q11', title: 'accepting twice succeeds and has no second effect', run: acceptTwice }),
  define({
    id: 'Q12',
    title: 'a second, different settlement is already-settled and changes nothing',
    run: settleTwice,
  }),
  define({
    id: 'Q13',
    title: 'a settlement after the connection was lost is inert: it says so, and settles no other message',
    kind: 'fault',
    requires: { controls: ['disconnect'] },
    run: staleSettle,
  }),
  define({
    id: 'Q15',
    title: 'attempts are counted 1, 2, 3 across competing consumers',
    requires: { able: countsDeliveries },
    proves: ['queue.attempts=deliveries', 'queue.attempts=failures'],
    async run(context) {
      const destination = jobQueue(context);
      const inbox = context.inbox({
        handle: (_, { attempt }) => {
          if (attempt < 3) throw new Provoked();
        },
      });
      const busses = await Promise.all([1, 2].map(() => context.connect({ jobs: destination })));
      for (const { jobs } of busses) await jobs.consume(inbox.handler, { concurrency: 1 });
      const jobs = context.jobs(10);
      await busses[0]!.jobs.sendMany(jobs);
      await inbox.complete([...jobs, ...jobs, ...jobs], 'three runs of each');
      for (const { id } of jobs) {
        const attempts = inbox.taken.filter(({ value }) => value.id === id).map(({ attempt }) => attempt);
        context.expect.deepEqual(attempts, [1, 2, 3], `the attempts of ${id}`);
      }
    },
  }),
  define({
    id: 'Q16',
    title: 'the redelivered flag is false, then true',
    priority: 1,
    requires: {
      able: ({ capabilities: { queue } }) =>
        queue !== 'none' && queue.attempts === 'none' ? 'this broker says nothing about earlier deliveries' : undefined,
    },
    proves: ['queue.attempts=flag'],
    async run(context) {
      const bus = await context.connect({ jobs: jobQueue(context) });
      const [job] = context.jobs(1);
      const inbox = context.inbox({
        handle: (_, { redelivered }) => {
          if (!redelivered) throw new Provoked();
        },
      });
      await bus.jobs.consume(inbox.handler);
      await bus.jobs.send(job!);
      await inbox.complete([job!, job!], 'two runs');
      context.expect.deepEqual(
        inbox.taken.map(({ redelivered }) => redelivered),
        [false, true],
        'the flags',
      );
    },
  }),
  define({
    id: 'Q18',
    title: 'a batch with one bad message is refused before anything is sent',
    async run(context) {
      const bus = await context.connect({
        jobs: jobQueue(context, 'jobs', { key: ({ n }) => (n === 5 ? (undefined as never) : 'key') }),
      });
      const inbox = context.inbox();
      await bus.jobs.consume(inbox.handler);
      const error = await context.expect.rejects(
        bus.jobs.sendMany(context.jobs(10, 'bad')),
        'invalid',
        'a batch whose fifth message has no key',
      );
      context.expect.equal(error.outcome, 'rejected', 'the outcome');
      context.expect.equal(context.traffic.sent, 0, 'messages that went to the driver');
      const good = context.jobs(3, 'good').map((job) => ({ ...job, n: 1 }));
      await bus.jobs.sendMany(good);
      await inbox.complete(good, 'only the good batch');
    },
  }),
  define({
    id: 'Q19',
    title: 'of a batch that fails in part only the failed messages come again',
    priority: 1,
    run: partialBatch,
  }),
  define({
    id: 'Q20',
    title: 'a missing queue is made with topology create, found missing with verify, and refused to a send with assume',
    run: missingQueue,
  }),
];

async function rejected(context: Context): Promise<void> {
  const destination = jobQueue(context);
  const bus = await context.connect({ jobs: destination });
  const jobs = context.jobs(5);
  const inbox = context.inbox({ handle: ({ n }, { delivery }) => n === 3 && delivery.reject('no such address') });
  await bus.jobs.consume(inbox.handler);
  await bus.jobs.sendMany(jobs);
  await inbox.complete(jobs, 'each ran once, the rejected one too');
  const dead = await bus.attach(deadLettersOf(destination));
  const letters = context.inbox<unknown>();
  await dead.consume(letters.handler);
  await letters.complete([jobs[2]!], 'the dead letters');
  const cause = letters.taken[0]!.delivery.deadLetter;
  context.expect.equal(cause?.from, destination.name, 'where it died');
  context.expect.match(`${cause?.reason} ${cause?.error}`, /no such address/, 'the reason');
}

async function acceptTwice(context: Context): Promise<void> {
  const destination = jobQueue(context);
  const bus = await context.connect({ jobs: destination });
  const jobs = context.jobs(3);
  await bus.jobs.sendMany(jobs);
  const deliveries = await bus.jobs.receive();
  const [first] = await take(context, deliveries, 3);
  context.expect.equal(await first!.accept(), 'settled', 'the first accept');
  context.expect.equal(await first!.accept(), 'settled', 'the second accept');
  await deliveries.close();
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  await inbox.complete(
    jobs.filter(({ id }) => id !== first!.value.id),
    'the other two, untouched',
  );
}

async function settleTwice(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) });
  const jobs = context.jobs(2);
  await bus.jobs.sendMany(jobs);
  const deliveries = await bus.jobs.receive();
  const [accepted, released] = await take(context, deliveries, 2);
  await accepted!.accept();
  await context.expect.rejects(() => accepted!.release(), 'already-settled', 'release after accept');
  await context.expect.rejects(() => accepted!.reject('no'), 'already-settled', 'reject after accept');
  await released!.release();
  await context.expect.rejects(() => released!.accept(), 'already-settled', 'accept after release');
  await deliveries.close();
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  await inbox.complete([released!.value], 'only the released one is still there');
}

async function staleSettle(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) });
  const jobs = context.jobs(5);
  await bus.jobs.sendMany(jobs);
  const deliveries = await bus.jobs.receive({ maxInFlight: 3, concurrency: 3 });
  const held: Delivery<Job>[] = await take(context, deliveries, 3);
  const signals = held.map(({ signal }) => signal);
  await context.broker.disconnect();
  await context.until('the deliveries to be lost', () => held.every(({ isOpen }) => !isOpen));
  context.expect.ok(
    signals.every(({ aborted }) => aborted),
    'the signal of a lost delivery aborts',
  );
  for (const delivery of held) context.expect.equal(await delivery.accept(), 'lost', 'accepting what is lost');
  await deliveries.close();
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  await inbox.complete(jobs, 'all five, the stale ones again');
}

async function partialBatch(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) });
  const jobs = context.jobs(10);
  const runs: string[][] = [];
  await bus.jobs.sendMany(jobs);
  await bus.jobs.consumeBatch(
    async (values, deliveries) => {
      context.saw(values.length);
      runs.push(values.map(({ id }) => id));
      await Promise.all(
        deliveries
          .filter(({ value, attempt }) => value.n % 2 === 0 || attempt > 1)
          .map((delivery) => delivery.accept()),
      );
      if (deliveries.some(({ isOpen }) => isOpen)) throw new Provoked();
    },
    { maxMessages: 10 },
  );
  const odd = jobs.filter(({ n }) => n % 2 === 1);
  await context.until('the failed half to come again', () => runs.flat().length >= 15);
  await context.quiet();
  context.expect.sameMembers(
    runs.flat(),
    [...jobs, ...odd].map(({ id }) => id),
    'every message once, the failed ones twice',
  );
}

async function missingQueue(context: Context): Promise<void> {
  const destination = jobQueue(context);
  const missing = ['mismatch', 'not-found'] as const;
  await context.expect.rejects(
    context.connect({ jobs: destination }, { topology: 'verify' }),
    missing,
    'verifying a missing queue',
  );
  await context.expect.rejects(
    context.connect({ jobs: destination }, { topology: 'verify' }),
    missing,
    'it is still missing: verify made nothing',
  );
  const assuming = await context.connect({ jobs: destination }, { topology: 'assume' });
  const [job] = context.jobs(1);
  const error = await context.expect.rejects(
    assuming.jobs.send(job!),
    ['not-found', 'unroutable'],
    'sending to a missing queue',
  );
  context.expect.equal(error.outcome, 'rejected', 'the outcome');
  const bus = await context.connect({ jobs: destination });
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  await assuming.jobs.send(job!);
  await inbox.complete([job!], 'the message after the queue was made');
}
