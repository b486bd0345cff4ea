import { WaybillError } from '@waybill/core';
import { noneSent } from '@waybill/core/driver';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { destinationOf } from '../destination-of.ts';
import { proveRefusal } from '../applies.ts';
import type { Inbox, Job } from '../inbox.ts';
import { type Channel, channelOf, forBoth, type Way } from './channel.ts';
import { caseOf } from './define.ts';
import { interposed } from './interposed.ts';

const needs = { order: 'total' } as const;

/** O01, O09 to O11, O13, O14: one order of everything, as it was sent. */
export const orderSequence: readonly Case[] = [
  ...forBoth({
    id: 'O01',
    title: 'messages sent one after another are handled in that order, one at a time',
    requires: { needs },
    proves: ['order=total'],
    run: (context, way) =>
      inSequence(context, way, 150, async (channel, jobs) => {
        for (const job of jobs) await channel.send(job);
      }),
  }),
  ...forBoth({
    id: 'O09',
    title: 'sends that do not wait for each other are stored in the order of the calls',
    requires: { needs },
    run: (context, way) =>
      inSequence(context, way, 150, async (channel, jobs) => {
        await Promise.all(jobs.map((job) => channel.send(job)));
      }),
  }),
  ...forBoth({
    id: 'O08:retried',
    title: 'sends that the broker refuses for a while are stored in the order of the calls all the same',
    requires: { needs },
    run: refusedForAWhile,
  }),
  ...forBoth({
    id: 'O10',
    title: 'a batch is handled in the order of its index, and batches in the order of the calls',
    priority: 1,
    requires: { needs },
    run: (context, way) =>
      inSequence(context, way, 300, async (channel, jobs) => {
        await Promise.all([channel.sendMany(jobs.slice(0, 120)), channel.sendMany(jobs.slice(120))]);
      }),
  }),
  ...forBoth({
    id: 'O13',
    title: 'ten thousand keys keep their order',
    priority: 1,
    kind: 'load',
    requires: { needs: { order: 'key' } },
    run: manyKeys,
  }),
  caseOf({ requires: {}, kind: 'refusal' })({
    id: 'O14',
    title: 'an order that the broker cannot keep is refused, and so is what would break it',
    traffic: 'none',
    run: refusedOrders,
  }),
];

async function inSequence(
  context: Context,
  way: Way,
  count: number,
  send: (channel: Channel, jobs: readonly Job[]) => Promise<void>,
): Promise<void> {
  const channel = await channelOf(context, way, { needs })();
  const jobs = context.jobs(count);
  const inbox = context.inbox({ handle: ({ n }) => (n % 50 ? undefined : Promise.resolve()) });
  await channel.consume(inbox.handler, { concurrency: 8 });
  await send(channel, jobs);
  await inbox.complete(jobs, 'each once');
  expectSequence(context, inbox);
}

/** Every third call is refused as overloaded, which core tries again. */
async function refusedForAWhile(context: Context, way: Way): Promise<void> {
  const [open, inbox, jobs] = [channelOf(context, way, { needs }), context.inbox(), context.jobs(40)];
  await (await open()).consume(inbox.handler);
  let [calls, refusals] = [0, 0];
  const { driver } = interposed(await context.driver(), {
    async send(send, batch) {
      if (++calls % 3 > 0) return send();
      refusals += batch.length;
      return noneSent(batch, 'rejected', new WaybillError('overloaded', 'the case refuses this for now'));
    },
  });
  const producer = await open({ driver, window: 16 });
  await Promise.all(jobs.map((job) => producer.send(job)));
  await inbox.complete(jobs, 'each once');
  expectSequence(context, inbox);
  context.expect.between(refusals, 3, Infinity, 'messages that were refused for a while');
}

function expectSequence({ expect }: Context, { taken, highWater }: Inbox<Job>): void {
  const firstWrong = taken.findIndex(({ value }, index) => index > 0 && value.n !== taken[index - 1]!.value.n + 1);
  const around = taken.slice(Math.max(0, firstWrong - 2), firstWrong + 3).map(({ value }) => value.n);
  expect.equal(firstWrong, -1, `where the order breaks${firstWrong < 0 ? '' : ` (${around.join(', ')})`}`);
  expect.equal(highWater, 1, 'handlers at once');
}

/** Two neighbours have one key: where one is overtaken, or run beside the other, it shows. */
async function manyKeys(context: Context, way: Way): Promise<void> {
  const keyOf = ({ n }: Job): string => `key-${n >> 1}`;
  const channel = await channelOf(context, way, { needs: { order: 'key' }, key: keyOf })();
  const jobs = context.jobs(20_000);
  const [last, running] = [new Map<string, number>(), new Set<string>()];
  const wrong: string[] = [];
  const inbox = context.inbox({
    async handle(job) {
      const key = keyOf(job);
      if (job.n < (last.get(key) ?? 0) || running.has(key)) wrong.push(job.id);
      last.set(key, job.n);
      running.add(key);
      await Promise.resolve();
      running.delete(key);
    },
  });
  await channel.consume(inbox.handler, { concurrency: 64, maxInFlight: 512 });
  await channel.sendMany(jobs);
  await inbox.complete(jobs, 'each once');
  context.expect.deepEqual(wrong, [], 'messages that were overtaken, or run beside another of their key');
}

/** Core keeps a delay that the broker cannot keep, but not in order. */
async function refusedOrders(context: Context): Promise<void> {
  const ranks = ['none', 'key', 'total'];
  let asked = 0;
  for (const kind of ['queue', 'topic', 'stream'] as const) {
    const channel = context.capabilities[kind];
    if (channel === 'none') continue;
    const refuse = async (name: string, wanted: object): Promise<void> => {
      asked += 1;
      const verdict = await proveRefusal(() => context.driver(), destinationOf(kind, context.name(name), wanted));
      context.expect.equal(
        verdict?.state,
        'refused',
        `${kind} ${JSON.stringify(wanted)}: ${verdict?.reason ?? 'it was accepted'}`,
      );
    };
    for (const order of ranks.slice(ranks.indexOf(channel.order) + 1)) await refuse(`${kind}-${order}`, { order });
    if (kind !== 'stream' && channel.delay === 'none' && channel.order !== 'none')
      await refuse(`${kind}-delayed`, { order: 'key', delay: true });
    for (const pair of channel.excludes.filter((axes) => axes.includes('order'))) {
      const [other] = pair.filter((axis) => axis !== 'order');
      // A topic cannot be asked for priority at all: N04:topic.excludes says so.
      if (other !== 'priority' || kind === 'queue') await refuse(`${kind}-${other}`, { order: 'key', [other!]: true });
    }
  }
  context.evidence('orders refused', asked);
  context.expect.ok(asked === 0 || context.traffic.sent === 0, 'nothing was sent');
}
