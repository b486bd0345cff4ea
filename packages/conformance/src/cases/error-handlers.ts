import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { within } from '../waits.ts';
import { caseOf } from './define.ts';
import { jobQueue } from './destinations.ts';

const define = caseOf({ requires: { kind: 'queue' } });

/** E07, E08, E10: what a handler does wrong is a failed attempt, and nothing else. */
export const errorHandlers: readonly Case[] = [
  define({
    id: 'E07',
    title: 'a handler that throws what is no error, or rejects with it, has failed once, and the consumer goes on',
    run: throwsAnything,
  }),
  define({
    id: 'E08',
    title: 'a handler that never settles is ended by its timeout: signal aborted, attempt counted, slot free',
    run: neverSettles,
  }),
  define({
    id: 'E10',
    title: 'closing a consumer twice, and at once from many sides, closes it once',
    priority: 1,
    run: closesTwice,
  }),
];

const thrown: readonly unknown[] = [
  'text',
  undefined,
  null,
  0,
  false,
  5n,
  Symbol('odd'),
  Object.create(null),
  { message: 5 },
  [],
  new (class extends Error {
    override get message(): string {
      throw new Error('no message');
    }
  })(),
];

async function throwsAnything(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) });
  const jobs = context.jobs(thrown.length * 2);
  const inbox = context.inbox({
    handle({ n }, { attempt }): unknown {
      if (attempt > 1) return undefined;
      const what = thrown[(n - 1) % thrown.length];
      if (n > thrown.length) return Promise.reject(what as Error);
      throw what;
    },
  });
  const consumer = await bus.jobs.consume(inbox.handler, { concurrency: 4 });
  await bus.jobs.sendMany(jobs);
  await inbox.complete([...jobs, ...jobs], 'each ran twice: failed, then done');
  context.expect.equal(inbox.taken.filter(({ attempt }) => attempt === 2).length, jobs.length, 'second attempts');
  context.expect.equal(consumer.state, 'live', 'the consumer');
}

async function neverSettles(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) });
  const jobs = context.jobs(10);
  const aborted: number[] = [];
  const inbox = context.inbox({
    handle({ n }, { attempt, delivery }) {
      if (n > 2 || attempt > 1) return undefined;
      delivery.signal.addEventListener('abort', () => aborted.push(n));
      return new Promise<never>(() => undefined);
    },
  });
  const consumer = await bus.jobs.consume(inbox.handler, { concurrency: 1, handlerTimeoutMs: 200, drainMs: 500 });
  const begun = performance.now();
  await bus.jobs.sendMany(jobs);
  await inbox.complete([...jobs, ...jobs.slice(0, 2)], 'two ran twice, the others once');
  context.expect.between(
    inbox.taken.at(-1)!.at - begun,
    400,
    60_000,
    'milliseconds that two timeouts of 200 held the only slot',
  );
  context.expect.deepEqual(
    aborted.toSorted((a, b) => a - b),
    [1, 2],
    'deliveries whose signal was aborted',
  );
  context.expect.equal(consumer.inFlight, 0, 'deliveries held in the end');
  context.expect.equal(consumer.state, 'live', 'the consumer');
}

async function closesTwice(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) });
  const [first, second] = context.jobs(2);
  const inbox = context.inbox();
  const consumer = await bus.jobs.consume(inbox.handler);
  await bus.jobs.send(first!);
  await inbox.complete([first!], 'before the close');
  await within(
    'closing ten times',
    Promise.all(Array.from({ length: 10 }, () => consumer.close())),
    context.timing.positiveMs,
  );
  await consumer.close();
  context.expect.equal(consumer.state, 'closed', 'the consumer');
  const closings = context.events.filter((event) => event.type === 'consumer' && event.state === 'closed');
  context.expect.equal(closings.length, 1, 'closings that were told');
  await bus.jobs.send(second!);
  await inbox.staysAt(1, 'a closed consumer takes nothing');
}
