import type { BusEvent } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { channelIn, channelOf, forBoth, forWay, type Way } from './channel.ts';
import { caseOf } from './define.ts';
import { jobQueue, Provoked } from './destinations.ts';

const define = caseOf({ requires: { kind: 'queue' } });
const twice = { attempts: 2, backoff: () => 0 };

/** D08 to D15 without D11: dead letters that have no place, are cut off, go back, or expired. */
export const deadLetterHandling: readonly Case[] = [
  define({
    id: 'D08',
    title: 'a message whose dead-letter place is missing is held and said to be, until the place is there',
    priority: 1,
    requires: {
      able: ({ capabilities }) => (capabilities.admin === 'manage' ? undefined : 'nothing can be removed here'),
    },
    run: missingPlace,
  }),
  define({
    id: 'D09',
    title: 'nothing is lost when the broker is killed while messages are being dead-lettered',
    priority: 1,
    kind: 'fault',
    requires: { controls: ['kill'] },
    timeoutMs: 90_000,
    run: killedWhileBurying,
  }),
  define({
    id: 'D10',
    title: 'a redriven message comes again with its id and headers, and its attempts start again',
    priority: 1,
    run: redriven,
  }),
  forWay('queue', {
    id: 'D12',
    title: 'giving a message back at once costs no attempt, giving it back for later costs one',
    priority: 1,
    requires: {
      able: (facts, way) =>
        channelIn(facts, way)?.attempts === 'deliveries'
          ? 'this broker counts every delivery, whether anybody ran it or not'
          : undefined,
    },
    run: givenBack,
  }),
  ...forBoth({
    id: 'D14',
    title: 'an observer that throws costs no retry, no dead letter and no consumer',
    async run(context, way) {
      const warnings: string[] = [];
      const listen = ({ message }: Error): void => void warnings.push(message);
      process.on('warning', listen);
      context.defer('listening to warnings', () => process.off('warning', listen));
      const channel = await channelOf(context, way, { retry: twice })({
        observe({ type }) {
          if (type === 'retry' || type === 'dead-letter') throw new Provoked(`the observer of ${context.id} fails`);
        },
      });
      const jobs = context.jobs(10);
      const inbox = context.inbox({
        handle({ n }, { attempt }) {
          if (n === 1 || (n === 2 && attempt === 1)) throw new Provoked();
        },
      });
      const consumer = await channel.consume(inbox.handler);
      await channel.sendMany(jobs);
      await inbox.complete([...jobs, jobs[0]!, jobs[1]!], 'all runs');
      context.expect.equal(consumer.state, 'live', 'the consumer');
      await (await channel.letters()).complete([jobs[0]!], 'the dead letter');
      context.expect.equal(
        warnings.filter((text) => text.includes(`the observer of ${context.id} fails`)).length,
        3,
        'warnings: two retries and one dead letter',
      );
    },
  }),
  ...forBoth({
    id: 'D15',
    title: 'a message that expires before it is handled is a dead letter, and says why',
    priority: 1,
    requires: { needs: { ttl: true, deadLetter: true } },
    proves: ['deadLetter=plain', 'deadLetter=cause'],
    run: expired,
  }),
];

async function missingPlace(context: Context): Promise<void> {
  const destination = jobQueue(context, 'jobs', { retry: twice });
  const bus = await context.connect({ jobs: destination });
  const link = await context.link();
  await link.admin!.remove!({
    kind: 'queue',
    name: `${destination.name}.dead`,
    order: 'none',
    priority: false,
    ttl: false,
    delay: false,
  });
  const jobs = context.jobs(5);
  const inbox = context.inbox({ handle: ({ n }, { delivery }) => n === 1 && delivery.reject('no place for it') });
  await bus.jobs.consume(inbox.handler);
  await bus.jobs.sendMany(jobs);
  const held = (event: BusEvent): boolean => event.type === 'held';
  await context.until('the message to be held', () => context.events.some(held));
  await inbox.complete(jobs, 'the others go on');
  context.expect.ok(!context.events.some(({ type }) => type === 'dead-letter'), 'nothing was dead-lettered meanwhile');
  const other = await context.connect({ jobs: destination });
  const letters = context.inbox<unknown>();
  await (
    await other.attach(jobQueue(context, 'jobs.dead', { deadLetter: `${destination.name}.dead` }))
  ).consume(letters.handler);
  await letters.complete([jobs[0]!], 'when the place is there');
}

/** At least once each, which is what the crash between copy and accept allows. */
async function killedWhileBurying(context: Context): Promise<void> {
  const channel = await channelOf(context, 'queue')();
  const jobs = context.jobs(400);
  await channel.sendMany(jobs);
  const inbox = context.inbox({ handle: (_, { delivery }) => delivery.reject('all of them') });
  await channel.consume(inbox.handler);
  const buried = (): number => context.events.filter(({ type }) => type === 'dead-letter').length;
  await context.until('some dead letters', () => buried() >= 20);
  await context.broker.kill();
  const before = buried();
  await context.broker.start();
  const letters = await channel.letters();
  const ids = (): Set<string> => new Set(letters.ids);
  await context.until('all dead letters', () => ids().size >= jobs.length, 45_000).catch(() => undefined);
  await context.quiet();
  context.expect.sameMembers(
    [...ids()],
    jobs.map(({ id }) => id),
    'what is in the dead letters',
  );
  context.expect.between(before, 20, jobs.length - 1, 'messages buried before the kill, so that it struck in between');
  context.evidence('twice', letters.ids.length - ids().size);
}

async function redriven(context: Context): Promise<void> {
  const destination = jobQueue(context, 'jobs', { retry: twice });
  const bus = await context.connect({ jobs: destination });
  const jobs = context.jobs(3);
  let isMended = false;
  const inbox = context.inbox({
    handle() {
      if (!isMended) throw new Provoked();
    },
  });
  await bus.jobs.consume(inbox.handler);
  for (const job of jobs) await bus.jobs.send(job, { id: job.id, headers: { 'x-job': job.id } });
  const dead = (): number => context.events.filter(({ type }) => type === 'dead-letter').length;
  for (const life of [1, 2]) {
    await context.until(`the dead letters of life ${life}`, () => dead() >= jobs.length * life);
    isMended = life === 2;
    context.expect.equal(await bus.jobs.redrive({ limit: jobs.length }), jobs.length, `redriven after life ${life}`);
  }
  await inbox.complete([...jobs, ...jobs, ...jobs, ...jobs, ...jobs], 'two lives of two runs, and one that succeeds');
  for (const { id } of jobs) {
    const runs = inbox.taken.filter(({ value }) => value.id === id);
    context.expect.deepEqual(
      runs.map(({ attempt }) => attempt),
      [1, 2, 1, 2, 1],
      `the attempts of ${id}`,
    );
    context.expect.ok(
      runs.every((run) => run.id === id && run.headers['x-job'] === id),
      `id and headers of ${id} in every run`,
    );
    context.expect.equal(new Set(runs.map(({ delivery }) => delivery.sentAt)).size, 1, `times of sending of ${id}`);
  }
  context.expect.equal(await bus.jobs.redrive({ idleMs: 300 }), 0, 'left to redrive');
}

async function givenBack(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way)();
  const inbox = context.inbox({
    handle: (_, { nth, delivery }) =>
      nth <= 2 ? delivery.release() : nth === 3 ? delivery.release({ delayMs: 300 }) : undefined,
  });
  const jobs = context.jobs(1);
  await channel.consume(inbox.handler);
  await channel.sendMany(jobs);
  await inbox.complete([...jobs, ...jobs, ...jobs, ...jobs], 'four runs');
  context.expect.deepEqual(
    inbox.taken.map(({ attempt }) => attempt),
    channelIn(context, way)?.release === 'none' ? [1, 2, 3, 4] : [1, 1, 1, 2],
    'the attempts: where nothing can be given back, each is a retry',
  );
}

async function expired(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way, { needs: { ttl: true, deadLetter: true } })();
  const [dies, lives] = context.jobs(2);
  await channel.send(dies!, { ttlMs: 200, id: dies!.id });
  await channel.send(lives!, { ttlMs: 60_000 });
  await context.quiet(400);
  const inbox = context.inbox();
  await channel.consume(inbox.handler);
  await inbox.complete([lives!], 'what is handled');
  const letters = await channel.letters();
  await letters.complete([dies!], 'the dead letters');
  context.expect.equal(letters.taken[0]!.id, dies!.id, 'its id');
  context.expect.equal(letters.taken[0]!.delivery.deadLetter?.reason, 'expired', 'the reason');
}
