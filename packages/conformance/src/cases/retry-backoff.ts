import { type Backoff, linear } from '@waybill/core';
import type { Case, Facts } from '../case.ts';
import type { Context } from '../context.ts';
import { channelIn, channelOf, forBoth, forWay, type Way } from './channel.ts';
import { Provoked } from './destinations.ts';

/** Clocks of a process round to whole milliseconds, and timers may fire one early. */
const roundingMs = 3;
const waits: Backoff = (attempt) => [0, 120, 600, 350][attempt] ?? 0;

const releases =
  (word: string) =>
  (facts: Facts, way: Way): string | undefined => {
    const release = channelIn(facts, way)?.release;
    return release === word
      ? undefined
      : `this broker takes messages back otherwise (release: ${release}); D05 proves the waits all the same`;
  };

/** D05, D06, D11: a failed message is tried again when it should be, as it was, and in nobody's way. */
export const retryBackoff: readonly Case[] = [
  ...forBoth({
    id: 'D05',
    title: 'a failed message is tried again after the wait of its backoff, never earlier, however it is kept',
    proves: ['release=none'],
    run: (context, way) => schedule(context, way, waits),
  }),
  ...forBoth({
    id: 'D05:delayed',
    title: 'the broker itself keeps a failed message for any wait',
    requires: { able: releases('delayed') },
    proves: ['release=delayed', 'limits.maxReleaseDelayMs'],
    async run(context, way) {
      await schedule(context, way, waits);
      expectVia(context, 'release');
    },
  }),
  forWay('queue', {
    id: 'D05:linear',
    title: 'the broker itself keeps a failed message for the linear waits that were declared',
    requires: { able: releases('linear') },
    proves: ['release=linear'],
    async run(context, way) {
      await schedule(context, way, linear({ firstMs: 300, maxMs: 500 }));
      expectVia(context, 'release');
    },
  }),
  ...forBoth({
    id: 'D05:immediate',
    title: 'the broker itself takes back a failed message that need not wait',
    requires: {
      able: (facts, way) => (channelIn(facts, way)?.release === 'none' ? 'this broker takes nothing back' : undefined),
    },
    proves: ['release=immediate'],
    async run(context, way) {
      await schedule(context, way, () => 0);
      expectVia(context, 'release');
    },
  }),
  ...forBoth({
    id: 'D06',
    title: 'a message that waits for its next attempt does not hold up the others',
    run: othersFlow,
  }),
  ...forBoth({
    id: 'D11',
    title: 'what a handler did to its value and headers before it failed is not seen by the next attempt',
    run: mutations,
  }),
];

/** Every gap between two runs, against what the backoff says. */
async function schedule(context: Context, way: Way, backoff: Backoff): Promise<void> {
  const channel = await channelOf(context, way, { retry: { attempts: 4, backoff } })();
  const jobs = context.jobs(5);
  const inbox = context.inbox({
    handle() {
      throw new Provoked();
    },
  });
  await channel.consume(inbox.handler);
  await channel.sendMany(jobs);
  await inbox.complete([...jobs, ...jobs, ...jobs, ...jobs], 'four runs of each');
  for (const { id } of jobs) {
    const runs = inbox.taken.filter(({ value }) => value.id === id);
    context.expect.deepEqual(
      runs.map(({ attempt }) => attempt),
      [1, 2, 3, 4],
      `the attempts of ${id}`,
    );
    const gaps = runs.slice(1).map(({ at }, index) => at - runs[index]!.endedAt!);
    gaps.forEach((gap, index) => {
      const wait = backoff(index + 1);
      context.expect.between(
        gap,
        wait - roundingMs,
        wait + context.timing.slackMs,
        `milliseconds between attempt ${index + 1} and ${index + 2} of ${id}`,
      );
    });
    if (id === jobs[0]!.id) context.evidence('waits', gaps.map(Math.round).join(', '));
  }
}

function expectVia(context: Context, wanted: string): void {
  const ways = new Set(context.events.flatMap((event) => (event.type === 'retry' ? [event.via] : [])));
  context.expect.deepEqual([...ways], [wanted], 'how the retries were kept');
}

async function othersFlow(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way, { retry: { attempts: 2, backoff: () => 1000 }, key: () => 'key' })();
  const [bad, ...others] = context.jobs(51);
  const inbox = context.inbox({
    handle({ id }, { attempt }) {
      if (id === bad!.id && attempt === 1) throw new Provoked();
    },
  });
  await channel.consume(inbox.handler, { concurrency: 1, maxInFlight: 4 });
  await channel.sendMany([bad!, ...others]);
  await inbox.complete([bad!, bad!, ...others], 'all of them, the failing one twice');
  context.expect.equal(inbox.ids[0], bad!.id, 'the first run');
  context.expect.equal(inbox.ids.at(-1), bad!.id, 'the last run, after all others');
}

async function mutations(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way, { retry: { attempts: 2, backoff: () => 0 } })();
  const [job] = context.jobs(1);
  const seen: unknown[] = [];
  const inbox = context.inbox<{ id: string; n: number; more?: boolean }>({
    handle(value, { attempt, delivery }) {
      seen.push({ value: { ...value }, headers: { ...delivery.headers } });
      Object.assign(value, { n: 99, more: true });
      Reflect.set(delivery.headers, 'x-color', 'red');
      Reflect.deleteProperty(delivery.headers, 'x-size');
      if (attempt === 1) throw new Provoked();
    },
  });
  await channel.consume(inbox.handler);
  await channel.send(job!, { headers: { 'x-color': 'blue', 'x-size': 'large' } });
  await inbox.complete([job!, job!], 'two runs');
  context.expect.deepEqual(seen[0], { value: job, headers: { 'x-color': 'blue', 'x-size': 'large' } }, 'the first run');
  context.expect.deepEqual(seen[1], seen[0], 'the second run, which sees what the first saw');
}
