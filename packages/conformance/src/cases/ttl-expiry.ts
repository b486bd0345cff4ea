import type { SendOptions, EveryNeed } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Inbox, Job } from '../inbox.ts';
import { sleep } from '../waits.ts';
import { type Channel, channelOf, forBoth, type Way } from './channel.ts';

const needs = { ttl: true } as const;

/** L09 to L14: nothing is handled after its time to live, and everything before. */
export const ttlExpiry: readonly Case[] = [
  ...forBoth({
    id: 'L09',
    title: 'a message whose time to live is over is not handled by a consumer that comes later',
    requires: { needs },
    proves: ['ttl=native'],
    async run(context, way) {
      const { channel, inbox, marker } = await lateConsumer(context, way, { ttlMs: 300 });
      await inbox.complete([marker], 'only what never expires');
      await later(context, channel, inbox, marker);
    },
  }),
  ...forBoth({
    id: 'L09:behind',
    title: 'a message expires behind one that does not, and while the consumer is busy with that one',
    requires: { needs },
    run: expiresBehind,
  }),
  ...forBoth({
    id: 'L10',
    title: 'a message whose time to live is not over is handled',
    requires: { needs },
    async run(context, way) {
      const { inbox, jobs, marker } = await lateConsumer(context, way, { ttlMs: 60_000 });
      await inbox.complete([...jobs, marker], 'everything');
    },
  }),
  ...forBoth({
    id: 'L11',
    title: 'a message without a time to live is handled after the wait in which others expire',
    requires: { needs },
    async run(context, way) {
      const { inbox, jobs, marker } = await lateConsumer(context, way, {});
      await inbox.complete([...jobs, marker], 'everything');
    },
  }),
  ...forBoth({
    id: 'L13',
    title: 'a message that expires under its handler is done when the handler is',
    priority: 1,
    requires: { needs },
    async run(context, way) {
      const channel = await channelOf(context, way, { needs })();
      const jobs = context.jobs(3);
      const inbox = context.inbox({ handle: () => sleep(600) });
      await channel.consume(inbox.handler);
      for (const job of jobs) await channel.send(job, { ttlMs: 250 });
      await inbox.complete(jobs, 'each once');
      await context.until('the handlers to end', () => inbox.taken.every(({ endedAt }) => endedAt !== undefined));
      const letters = await channel.letters();
      await letters.staysAt(0, 'dead letters');
      const last = context.inbox();
      await channel.consume(last.handler);
      await last.staysAt(0, 'what is left for another consumer');
    },
  }),
  ...forBoth({
    id: 'L14',
    title: 'a time to live of nothing, of less or of no number is refused before anything is sent',
    requires: { needs },
    async run(context, way) {
      const channel = await channelOf(context, way, { needs })();
      const [bad, marker] = context.jobs(2);
      for (const ttlMs of [0, -1, Number.NaN, Infinity, '300' as never, 400 * 86_400_000]) {
        const error = await context.expect.rejects(
          channel.send(bad!, { ttlMs }),
          'invalid',
          `a time to live of ${ttlMs}`,
        );
        context.expect.match(error.message, /ttlMs/, 'what is named');
      }
      context.expect.equal(context.traffic.sent, 0, 'messages that went to the driver');
      const inbox = context.inbox();
      await channel.consume(inbox.handler);
      await channel.send(marker!, { ttlMs: 60_000 });
      await inbox.complete([marker!], 'only the marker');
    },
  }),
];

interface Late {
  readonly channel: Channel;
  readonly inbox: Inbox<Job>;
  readonly jobs: readonly Job[];
  readonly marker: Job;
}

/** The same for all of them, so that only the time to live makes the difference. */
async function lateConsumer(context: Context, way: Way, options: SendOptions<EveryNeed>): Promise<Late> {
  const channel = await channelOf(context, way, { needs })();
  const jobs = context.jobs(5);
  const [marker] = context.jobs(1, 'marker');
  for (const job of jobs) await channel.send(job, options);
  await channel.send(marker!);
  await context.quiet(700);
  const inbox = context.inbox();
  await channel.consume(inbox.handler);
  return { channel, inbox, jobs, marker: marker! };
}

/** The first consumer gave nothing back that a second one could find. */
async function later(context: Context, channel: Channel, { ids }: Inbox<Job>, marker: Job): Promise<void> {
  const other = context.inbox();
  await channel.consume(other.handler);
  await other.staysAt(0, 'another consumer');
  context.expect.deepEqual([...ids], [marker.id], 'the first one');
}

/** The busy consumer may hold it already: what counts is when its handler would start. */
async function expiresBehind(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way, { needs, key: () => 'key' })();
  const [first, dies, lives] = context.jobs(3);
  const inbox = context.inbox({ handle: ({ id }) => id === first!.id && sleep(900) });
  await channel.consume(inbox.handler, { concurrency: 1, maxInFlight: 10 });
  await channel.send(first!);
  await channel.send(dies!, { ttlMs: 300 });
  await channel.send(lives!, { ttlMs: 60_000 });
  await inbox.complete([first!, lives!], 'what is handled');
}
