import type { Consumer } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { caseOf } from './define.ts';
import { jobQueue } from './destinations.ts';

const define = caseOf({ requires: { kind: 'queue' } });

/** K01, K02. That the checker judges 1,000,000 events in time needs no broker: it is a test of the checker. */
export const loadQueues: readonly Case[] = [
  define({
    id: 'K01',
    title: '10,000 messages of twenty publishers at once all arrive, each once',
    company: 'alone',
    timeoutMs: 90_000,
    run: publishers,
  }),
  define({
    id: 'K02',
    title: 'a backlog of 20,000 messages drains whole, and the memory of the consumer stays bounded',
    company: 'alone',
    timeoutMs: 120_000,
    run: backlog,
  }),
];

async function publishers(context: Context): Promise<void> {
  const destination = jobQueue(context);
  const consumer = await context.connect({ jobs: destination });
  const inbox = context.inbox();
  await consumer.jobs.consume(inbox.handler, { concurrency: 64 });
  const buses = await Promise.all(Array.from({ length: 5 }, () => context.connect({ jobs: destination })));
  const jobs = context.jobs(10_000);
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: 20 }, async (_, publisher) => {
      const own = jobs.filter(({ n }) => n % 20 === publisher);
      for (let at = 0; at < own.length; at += 25)
        await Promise.all(own.slice(at, at + 25).map((job) => buses[publisher % 5]!.jobs.send(job)));
    }),
  );
  context.evidence('messages per second sent', Math.round(10_000 / ((performance.now() - begun) / 1000)));
  await context.until('10,000 messages', () => inbox.taken.length >= 10_000, 60_000);
  await inbox.complete(jobs, 'what twenty publishers sent');
}

const backlogSize = 20_000;

async function backlog(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) });
  const jobs = context.jobs(backlogSize);
  for (let at = 0; at < backlogSize; at += 2000) await bus.jobs.sendMany(jobs.slice(at, at + 2000));
  const counts = new Uint8Array(backlogSize + 1);
  let [taken, most, mostHeld] = [0, 0, 0];
  const before = process.memoryUsage().rss;
  const begun = performance.now();
  const live: { consumer?: Consumer } = {};
  live.consumer = await bus.jobs.consume(
    ({ n }) => {
      counts[n] = (counts[n] ?? 0) + 1;
      taken += 1;
      mostHeld = Math.max(mostHeld, live.consumer?.inFlight ?? 0);
      if (taken % 500 === 0) most = Math.max(most, process.memoryUsage().rss - before);
    },
    { concurrency: 32, maxInFlight: 200 },
  );
  await context.until(`${backlogSize} messages`, () => taken >= backlogSize, 60_000);
  context.evidence('messages per second drained', Math.round(backlogSize / ((performance.now() - begun) / 1000)));
  await context.quiet();
  context.saw(taken);
  context.expect.equal(taken, backlogSize, 'messages that were handled');
  context.expect.equal(counts.filter((count) => count !== 1).length - 1, 0, 'messages that did not come exactly once');
  context.expect.between(mostHeld, 1, 200, 'deliveries held at once');
  context.evidence('megabytes more at the highest', Math.round(most / 1_048_576));
  context.expect.between(most / 1_048_576, -10_000, 150, 'megabytes that the consumer needed on top');
}
