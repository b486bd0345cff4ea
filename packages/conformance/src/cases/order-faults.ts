import { type Queue, queue, type, type WaybillError } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Inbox, Job } from '../inbox.ts';
import { sleep } from '../waits.ts';
import { channelOf, forBoth, forWay, type Way } from './channel.ts';
import { named, recorderOf } from './guarantee-recorder.ts';

interface Keyed extends Job {
  readonly key: string;
}
const needs = { order: 'key' } as const;
const keys = ['a', 'b', 'c', 'd'];

/** O06 to O08: what dies or is cut in between does not change the order of a key. */
export const orderFaults: readonly Case[] = [
  forWay('queue', {
    id: 'O06',
    title: 'a killed consumer leaves each key where it was: the next goes on there, without a hole',
    requires: { needs, controls: ['child'] },
    timeoutMs: 60_000,
    run: consumerDies,
  }),
  forWay('queue', {
    id: 'O07',
    title: 'each key keeps its order when the broker is killed',
    kind: 'fault',
    requires: { needs, controls: ['kill'] },
    timeoutMs: 90_000,
    run: (context, way) => throughFault(context, way, 'kill'),
  }),
  ...forBoth({
    id: 'O07:disconnect',
    title: 'each key keeps its order when connections are lost',
    kind: 'fault',
    requires: { needs, controls: ['disconnect'] },
    timeoutMs: 60_000,
    run: (context, way) => throughFault(context, way, 'disconnect'),
  }),
  ...forBoth({
    id: 'O08',
    title:
      'sends that are cut in between are stored in the order of the calls, with gaps only where the outcome is unknown',
    kind: 'fault',
    requires: { needs: { order: 'total' }, controls: ['disconnect'] },
    proves: ['partial=each', 'partial=prefix'],
    timeoutMs: 60_000,
    run: producerIsCut,
  }),
];

const keyedQueue = (context: Context): Queue<Keyed> =>
  queue(context.name('jobs'), { schema: type<Keyed>(), needs, key: ({ key }) => key });

async function consumerDies(context: Context): Promise<void> {
  const destination = keyedQueue(context);
  const bus = await context.connect({ jobs: destination });
  const jobs = context.jobs(200).map((job) => ({ ...job, key: keys[job.n % keys.length]! }));
  await bus.jobs.sendMany(jobs);
  const child = await context.child('ordered', { input: { name: destination.name }, holdAt: { handling: 60 } });
  await context.until(
    'the consumer to be in its sixtieth handler',
    () => child.reports.some(({ isHeld }) => isHeld),
    30_000,
  );
  context.evidence('kill', await child.kill());
  const inbox = context.inbox<Keyed>();
  await bus.jobs.consume(inbox.handler);
  await context
    .until('the rest', () => keys.every((key) => lastOf(inbox, key) >= Math.max(...numbersOf(jobs, key))), 30_000)
    .catch(() => undefined);
  await context.quiet();
  for (const key of keys) {
    const handled = numbersOf(
      child.reports.filter(({ point }) => point === 'handled').map(({ detail }) => detail as Keyed),
      key,
    );
    const resumed = numbersOf(
      inbox.taken.map(({ value }) => value),
      key,
    );
    const all = numbersOf(jobs, key);
    context.expect.deepEqual(handled, all.slice(0, handled.length), `what the killed consumer handled of ${key}`);
    context.expect.deepEqual(
      resumed,
      all.slice(all.length - resumed.length),
      `what the next one handled of ${key}, contiguous to its end`,
    );
    context.expect.between(handled.length + resumed.length, all.length, Infinity, `both together, of ${key}: no hole`);
  }
}

const numbersOf = (jobs: readonly Keyed[], key: string): number[] =>
  jobs.filter((job) => job.key === key).map(({ n }) => n);
const lastOf = (inbox: Inbox<Keyed>, key: string): number =>
  Math.max(
    0,
    ...numbersOf(
      inbox.taken.map(({ value }) => value),
      key,
    ),
  );

/** Producers of one key each, which await every send; a handler in the middle of its work when the fault strikes. */
async function throughFault(context: Context, way: Way, fault: 'kill' | 'disconnect'): Promise<void> {
  const recorder = recorderOf(context);
  const open = channelOf(context, way, { needs, key: ({ n }) => keys[n % keys.length]! });
  const consumer = await open({ observe: recorder.observe });
  const producer = await open();
  recorder.ready(consumer.source, 'way');
  await consumer.consume(recorder.handler<Job>(consumer.source, () => sleep(context.random.below(8))));
  const jobs = context.jobs(fault === 'kill' ? 1200 : 600);
  const sending = Promise.all(
    keys.map(async (key, lane) => {
      for (const job of jobs.filter(({ n }) => n % keys.length === lane)) {
        await recorder.send('way', job, () => producer.send(job, named(job)), key);
      }
    }),
  );
  await context.until('some to be handled', () => recorder.done.size >= 100);
  await recorder.fault(
    fault,
    'broker',
    () => context.broker[fault](),
    () => (fault === 'kill' ? context.broker.start() : Promise.resolve()),
  );
  await sending;
  await context
    .until('all that was confirmed', () => recorder.done.size >= recorder.outcomes.ok, 30_000)
    .catch(() => undefined);
  context.evidence('outcomes', JSON.stringify(recorder.outcomes));
  await recorder.judge(
    {
      delivery: 'at-least-once',
      order: 'key',
      onRedelivery: 'block',
      acceptance: 'sent',
      minimum: { published: 500, handled: 500, faults: 1 },
    },
    () => consumer.left(),
  );
}

interface Sent {
  readonly job: Job;
  outcome?: 'ok' | 'rejected' | 'unknown';
}

/** Sends without waiting, faster than the broker confirms: two hundred are always out. */
async function pour(
  context: Context,
  send: (job: Job) => Promise<void>,
  sent: Sent[],
  isOver: () => boolean,
): Promise<void> {
  const waiting: Promise<unknown>[] = [];
  for (const job of context.jobs(20_000)) {
    const one: Sent = { job };
    sent.push(one);
    waiting.push(
      send(job).then(
        () => (one.outcome = 'ok'),
        (error: WaybillError) => (one.outcome = error.outcome),
      ),
    );
    while (sent.filter(({ outcome }) => !outcome).length >= 200) await sleep(1);
    if (isOver()) break;
  }
  await Promise.all(waiting);
}

async function producerIsCut(context: Context, way: Way): Promise<void> {
  const open = channelOf(context, way, { needs: { order: 'total' } });
  const [producer, consumer] = [await open({ window: 100 }), await open()];
  const inbox = context.inbox();
  await consumer.consume(inbox.handler);
  const sent: Sent[] = [];
  let last = Infinity;
  const pouring = pour(
    context,
    (job) => producer.send(job),
    sent,
    () => sent.length >= last,
  );
  await context.until('some to be stored', () => sent.filter(({ outcome }) => outcome === 'ok').length >= 200);
  await context.broker.disconnect();
  last = sent.length + 400;
  await pouring;
  const stored = sent.filter(({ outcome }) => outcome === 'ok');
  await context.until('all that was confirmed', () => inbox.ids.includes(stored.at(-1)!.job.id)).catch(() => undefined);
  await context.quiet();
  const firsts = [...new Set(inbox.taken.map(({ value }) => value.n))];
  const seen = new Set(firsts);
  const idsOf = (list: readonly Sent[]): string[] => list.map(({ job }) => job.id);
  context.expect.deepEqual(
    firsts.filter((n, index) => index > 0 && n < firsts[index - 1]!),
    [],
    'messages that came after later ones',
  );
  context.expect.deepEqual(
    idsOf(stored.filter(({ job }) => !seen.has(job.n))),
    [],
    'confirmed messages that never came',
  );
  context.expect.deepEqual(
    idsOf(sent.filter(({ job, outcome }) => outcome === 'rejected' && seen.has(job.n))),
    [],
    'refused messages that came',
  );
  context.expect.ok(stored.at(-1)!.job.n > last - 200, 'sends after the cut were stored again');
  context.evidence(
    'outcomes',
    `${stored.length} stored, ${sent.filter(({ outcome }) => outcome === 'unknown').length} unknown of ${sent.length}`,
  );
}
