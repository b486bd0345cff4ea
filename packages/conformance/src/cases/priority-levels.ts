import { type Queue, queue, type } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { caseOf } from './define.ts';
import { atOnce } from './destinations.ts';

const define = caseOf({ requires: { kind: 'queue', needs: { priority: true } } });
const inTurn = { concurrency: 1, maxInFlight: 1 } as const;

const priorityQueue = (context: Context): Queue<Job, Job, { readonly priority: true }> =>
  queue(context.name('jobs'), { schema: type<Job>(), needs: { priority: true }, retry: atOnce });

/** L16, L17, L19: what matters more comes first. */
export const priorityLevels: readonly Case[] = [
  define({
    id: 'L16',
    title: 'a backlog is handled highest priority first, and in the order of sending inside one priority',
    proves: ['queue.priority=native'],
    async run(context) {
      const bus = await context.connect({ jobs: priorityQueue(context) });
      const jobs = context.jobs(60);
      const priorities = new Map(jobs.map(({ id }) => [id, context.random.below(10)]));
      for (const job of jobs) await bus.jobs.send(job, { priority: priorities.get(job.id)! });
      const inbox = context.inbox();
      await bus.jobs.consume(inbox.handler, inTurn);
      await inbox.complete(jobs, 'all of them');
      const expected = jobs.toSorted(
        (one, other) => priorities.get(other.id)! - priorities.get(one.id)! || one.n - other.n,
      );
      context.expect.deepEqual(
        [...inbox.ids],
        expected.map(({ id }) => id),
        'the order',
      );
    },
  }),
  define({
    id: 'L17',
    title: 'a higher number comes sooner: 9, then 5, then 1, then 0',
    run: (context) => inOrder(context, [0, 9, 1, 5], [9, 5, 1, 0]),
  }),
  define({
    id: 'L17:default',
    title: 'a message without a priority has the lowest: it comes after 1, and beside 0 in the order of sending',
    run: (context) => inOrder(context, [0, undefined, 1, 0], [1, 0, undefined, 0]),
  }),
  define({
    id: 'L19',
    title: 'a priority outside 0 to 9 is refused before anything is sent',
    async run(context) {
      const bus = await context.connect({ jobs: priorityQueue(context) });
      const [bad, marker] = context.jobs(2);
      for (const priority of [-1, 10, 1.5, Number.NaN, '5' as never]) {
        const error = await context.expect.rejects(
          bus.jobs.send(bad!, { priority }),
          'invalid',
          `priority ${priority}`,
        );
        context.expect.match(error.message, /priority/, 'what is named');
      }
      context.expect.equal(context.traffic.sent, 0, 'messages that went to the driver');
      const inbox = context.inbox();
      await bus.jobs.consume(inbox.handler);
      await bus.jobs.send(marker!, { priority: 9 });
      await inbox.complete([marker!], 'only the marker');
    },
  }),
];

async function inOrder(
  context: Context,
  sent: readonly (number | undefined)[],
  expected: readonly (number | undefined)[],
): Promise<void> {
  const bus = await context.connect({ jobs: priorityQueue(context) });
  const jobs = context.jobs(sent.length);
  for (const job of jobs) {
    const priority = sent[job.n - 1];
    await bus.jobs.send(job, priority === undefined ? {} : { priority });
  }
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler, inTurn);
  await inbox.complete(jobs, 'all of them');
  context.expect.deepEqual(
    inbox.taken.map(({ value }) => sent[value.n - 1] ?? 'none'),
    expected.map((one) => one ?? 'none'),
    'their priorities',
  );
}
