import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Consumer, Deliveries, Delivery } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { sleep } from '../waits.ts';
import { type Channel, channelOf, forBoth, forWay, heldByMessage, type Way } from './channel.ts';
import { gate } from './interposed.ts';

/** B01 to B04, B06, B10, B11: a consumer holds and runs what it was told to, not more and not less. */
export const flowReceiving: readonly Case[] = [
  ...forBoth({
    id: 'B01',
    title: 'never more handlers run, and never more deliveries are held, than the consumer allows',
    run: withinLimits,
  }),
  ...forBoth({
    id: 'B01:held',
    title: 'a consumer takes no more from the broker than it may hold: the rest is there for others',
    requires: { able: heldByMessage },
    run: restForOthers,
  }),
  ...forBoth({
    id: 'B02',
    title: 'as many handlers run at once as the consumer allows',
    async run(context, way) {
      const channel = await channelOf(context, way)();
      const met = gate();
      const inbox = context.inbox({
        handle() {
          if (inbox.highWater >= 25) met.open();
          return met.passed;
        },
      });
      const jobs = context.jobs(100);
      await channel.consume(inbox.handler, { concurrency: 25, maxInFlight: 25 });
      await channel.sendMany(jobs);
      await context.until('25 handlers at once', () => inbox.highWater >= 25).catch(() => met.open());
      await inbox.complete(jobs, 'each once');
      context.expect.equal(inbox.highWater, 25, 'handlers at once, over the whole run');
    },
  }),
  forWay('queue', {
    id: 'B03',
    title: 'a backlog of 100,000 messages and a slow handler cost the consumer no more memory than what it may hold',
    kind: 'load',
    company: 'alone',
    timeoutMs: 180_000,
    run: boundedMemory,
  }),
  ...forBoth({
    id: 'B04',
    title: 'no handler starts while a consumer is paused, and nothing is lost by it',
    run: paused,
  }),
  ...forBoth({
    id: 'B06',
    title: 'a consumer that was full of unfinished messages goes on when they are done',
    async run(context, way) {
      const channel = await channelOf(context, way)();
      const door = gate();
      const inbox = context.inbox({ handle: () => door.passed });
      const jobs = context.jobs(200);
      await channel.consume(inbox.handler, { concurrency: 8, maxInFlight: 16 });
      await channel.sendMany(jobs);
      await inbox.atLeast(8);
      await inbox.staysAt(8, 'handlers while none ends');
      door.open();
      await inbox.complete(jobs, 'each once');
    },
  }),
  forWay('queue', {
    id: 'B10',
    title: 'a destination whose handlers hang does not hold up another on the same bus',
    priority: 1,
    async run(context, way) {
      const [slow, fast] = await Promise.all([
        channelOf(context, way, { part: 'slow' })(),
        channelOf(context, way, { part: 'fast' })(),
      ]);
      const door = gate();
      const [hanging, flowing] = [context.inbox({ handle: () => door.passed }), context.inbox()];
      await slow.consume(hanging.handler);
      await fast.consume(flowing.handler);
      const [stuck, jobs] = [context.jobs(200, 'stuck'), context.jobs(300, 'flowing')];
      await slow.sendMany(stuck);
      await hanging.atLeast(16);
      await fast.sendMany(jobs);
      await flowing.complete(jobs, 'the other destination');
      door.open();
      await hanging.complete(stuck, 'the slow one, once its handlers end');
    },
  }),
  ...forBoth({
    id: 'B11',
    title: 'with one delivery in flight the second comes when the first is settled, and not before',
    run: oneByOne,
  }),
];

async function withinLimits(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way)();
  const jobs = context.jobs(400);
  let mostHeld = 0;
  let consumer: Consumer | undefined;
  const inbox = context.inbox({
    handle() {
      mostHeld = Math.max(mostHeld, consumer?.inFlight ?? 0);
      return sleep(context.random.below(4));
    },
  });
  await channel.sendMany(jobs.slice(0, 200));
  consumer = await channel.consume(inbox.handler, { concurrency: 7, maxInFlight: 12 });
  await channel.sendMany(jobs.slice(200));
  await inbox.complete(jobs, 'each once');
  context.expect.equal(inbox.highWater, 7, 'handlers at once, over the whole run');
  context.expect.between(mostHeld, 7, 12, 'deliveries held, over the whole run');
}

/** The first consumer never settles, so what it may not hold can only go to the second. */
async function restForOthers(context: Context, way: Way): Promise<void> {
  const open = channelOf(context, way);
  const [greedy, other] = [await open(), await open()];
  const door = gate();
  const held = context.inbox({ handle: () => door.passed });
  const jobs = context.jobs(60);
  await greedy.sendMany(jobs);
  await greedy.consume(held.handler, { concurrency: 3, maxInFlight: 5 });
  await held.atLeast(3);
  const rest = context.inbox();
  await other.consume(rest.handler);
  await context.until('the others', () => rest.taken.length >= 55);
  await rest.staysAt(55, 'what the second consumer gets while the first holds five');
  door.open();
  await context.until('the five', () => held.taken.length + rest.taken.length >= 60);
  await context.quiet();
  context.expect.sameMembers(
    [...held.ids, ...rest.ids],
    jobs.map(({ id }) => id),
    'both together',
  );
}

/** Bytes in use once all garbage is gone. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + Math.max(external, arrayBuffers);
}

const mebibyte = 2 ** 20;

async function boundedMemory(context: Context, way: Way): Promise<void> {
  const open = channelOf(context, way);
  const producer = await open();
  const pad = 'x'.repeat(400);
  const count = 100_000;
  for (let from = 0; from < count; from += 5000) {
    await producer.sendMany(
      Array.from({ length: 5000 }, (_, index) => ({ id: `${context.id}-${from + index}`, n: from + index, pad })),
    );
  }
  await producer.close();
  const channel = await open();
  const before = usedBytes();
  let [runs, mostHeld, mostUsed] = [0, 0, 0];
  const live: { consumer?: Consumer } = {};
  live.consumer = await channel.consume(
    async () => {
      runs += 1;
      context.saw(1);
      mostHeld = Math.max(mostHeld, live.consumer?.inFlight ?? 0);
      await sleep(5);
    },
    { concurrency: 8, maxInFlight: 64 },
  );
  for (const most of [200, 500, 800]) {
    await context.until(`${most} runs`, () => runs >= most);
    mostUsed = Math.max(mostUsed, usedBytes());
  }
  context.expect.between(mostHeld, 8, 64, 'deliveries held');
  const grown = (mostUsed - before) / mebibyte;
  context.evidence('memory, MiB', Number(grown.toFixed(1)));
  // Held as they are, the messages would be more than 50 MiB.
  context.expect.between(grown, -Infinity, 16, 'MiB more than before the consumer came');
}

async function paused(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way)();
  const jobs = context.jobs(200);
  const inbox = context.inbox({ handle: () => sleep(2) });
  const consumer = await channel.consume(inbox.handler, { concurrency: 4 });
  await channel.sendMany(jobs.slice(0, 100));
  await inbox.atLeast(20);
  await consumer.pause();
  const started = inbox.taken.length;
  context.expect.ok(
    inbox.taken.every(({ endedAt }) => endedAt !== undefined),
    'every handler had ended when pause resolved',
  );
  context.expect.equal(consumer.state, 'paused', 'the state');
  context.expect.between(started, 20, 99, 'messages handled before the pause, so that it came in between');
  await channel.sendMany(jobs.slice(100));
  await inbox.staysAt(started, 'handlers started while it was paused');
  consumer.resume();
  await inbox.complete(jobs, 'each once');
}

async function oneByOne(context: Context, way: Way): Promise<void> {
  const channel: Channel = await channelOf(context, way)();
  const jobs = context.jobs(3);
  await channel.sendMany(jobs);
  const seen: Delivery<Job>[] = [];
  const deliveries = await channel.receive({ concurrency: 1, maxInFlight: 1 });
  const loop = collect(context, deliveries, seen);
  for (let count = 1; count <= jobs.length; count++) {
    await context.until(`delivery ${count}`, () => seen.length >= count);
    await context.quiet();
    context.expect.equal(seen.length, count, `deliveries while number ${count} is not settled`);
    await seen.at(-1)!.accept();
  }
  await deliveries.close();
  await loop;
  context.expect.sameMembers(
    seen.map(({ value }) => value.id),
    jobs.map(({ id }) => id),
    'each once',
  );
}

async function collect(context: Context, deliveries: Deliveries<Job>, into: Delivery<Job>[]): Promise<void> {
  for await (const delivery of deliveries) {
    context.saw(1);
    into.push(delivery);
  }
}
