import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { within } from '../waits.ts';
import { caseOf } from './define.ts';
import { jobQueue } from './destinations.ts';
import { downs, steady } from './fault-traffic.ts';
import { gate, interposed } from './interposed.ts';

const define = caseOf({ requires: { kind: 'queue' }, kind: 'fault' });

/** X01 to X07, X20, X23, X31: what happens to the broker, and to places on it. */
export const faultBroker: readonly Case[] = [
  define({
    id: 'X01',
    title: 'producers and consumers live through a restart of the broker',
    requires: { controls: ['stop'] },
    timeoutMs: 90_000,
    run: restarted,
  }),
  define({
    id: 'X02',
    title: 'nothing that was confirmed is lost when the broker is killed twice while messages are published',
    requires: { controls: ['kill'] },
    timeoutMs: 120_000,
    run: killed,
  }),
  define({
    id: 'X03',
    title: 'deliveries that are held when the broker is killed all come again',
    requires: { controls: ['kill'] },
    timeoutMs: 90_000,
    run: killedWithHeld,
  }),
  define({
    id: 'X05',
    title: 'a broker that stands still for a second costs neither a connection nor a message',
    requires: { controls: ['pause'] },
    timeoutMs: 60_000,
    run: pausedShortly,
  }),
  define({
    id: 'X07',
    title: 'connecting to a broker that accepts and does not answer ends in time, with an error that says so',
    requires: { controls: ['pause'] },
    run: connectToStopped,
  }),
  define({
    id: 'X20',
    title: 'connecting to a broker that is not there ends in time, and works when it is',
    run: deadAtStart,
  }),
  define({
    id: 'X23',
    title:
      'a consumer that was cut off settles nothing any more: it is told so, and the next consumer keeps what it has',
    run: zombie,
  }),
  define({
    id: 'X31',
    title:
      'a queue that is removed under its consumer is told, and the consumer works again when the queue is there again',
    requires: {
      able: ({ capabilities }) => (capabilities.admin === 'manage' ? undefined : 'nothing can be removed here'),
    },
    timeoutMs: 60_000,
    run: removedUnder,
  }),
];

async function restarted(context: Context): Promise<void> {
  const traffic = await steady(context);
  await traffic.stores(100);
  await context.broker.stop();
  await context.until('the connections to be lost', () => downs(context) > 0);
  await context.broker.start();
  await recovered(context, traffic);
}

async function recovered(context: Context, traffic: Awaited<ReturnType<typeof steady>>): Promise<void> {
  const [begun, taken] = [performance.now(), traffic.inbox.taken.length];
  await traffic.stores(100);
  await context.until('the consumer to get messages again', () => traffic.inbox.taken.length > taken, 20_000);
  context.evidence('milliseconds until both ends worked again', Math.round(performance.now() - begun));
  context.expect.between(performance.now() - begun, 0, 15_000, 'milliseconds until both ends worked again');
  context.expect.equal(traffic.consumer.state, 'live', 'the consumer');
  await traffic.settle();
}

async function killed(context: Context): Promise<void> {
  const traffic = await steady(context);
  // A queue that is younger has another story: G07:fresh tells it.
  await context.quiet(2000);
  for (let round = 0; round < 2; round++) {
    await traffic.stores(100);
    await context.broker.kill();
    await context.broker.start();
  }
  await recovered(context, traffic);
}

async function killedWithHeld(context: Context): Promise<void> {
  const door = gate();
  const bus = await context.connect({ jobs: jobQueue(context) });
  const jobs = context.jobs(20);
  const inbox = context.inbox({ handle: () => door.passed });
  await bus.jobs.consume(inbox.handler, { concurrency: 20, maxInFlight: 20 });
  await context.quiet(2000);
  await bus.jobs.sendMany(jobs);
  await inbox.atLeast(20);
  await context.broker.kill();
  await context.until('the connection to be lost', () => downs(context) > 0);
  context.expect.equal(
    inbox.taken.filter(({ delivery }) => delivery.signal.aborted).length,
    20,
    'deliveries that were told to be lost',
  );
  await context.broker.start();
  door.open();
  const secondRuns = (): readonly string[] => inbox.taken.slice(20).map(({ id }) => id ?? '');
  await context.until('all twenty to come again', () => inbox.taken.length >= 40, 30_000);
  await context.quiet();
  context.expect.sameMembers(
    inbox.ids.slice(20),
    jobs.map(({ id }) => id),
    `what came again, ${secondRuns().length} runs`,
  );
}

async function pausedShortly(context: Context): Promise<void> {
  const traffic = await steady(context);
  await traffic.stores(100);
  await context.broker.pause();
  await context.quiet(300);
  const during = traffic.stored;
  await context.quiet(700);
  context.expect.equal(traffic.stored, during, 'messages that a broker confirmed while it stood still');
  await context.broker.resume();
  await traffic.stores(100);
  context.expect.equal(downs(context), 0, 'connections that were lost');
  await traffic.settle();
  context.expect.deepEqual(
    [...traffic.outcomes.values()].filter((outcome) => outcome !== 'stored'),
    [],
    'sends that failed',
  );
}

async function connectToStopped(context: Context): Promise<void> {
  const jobs = jobQueue(context);
  const [job] = context.jobs(1);
  await (await context.connect({ jobs })).jobs.send(job!);
  await context.broker.pause();
  await context.quiet(300);
  const begun = performance.now();
  const connecting = context.connect({ jobs }, { connectTimeoutMs: 1500 });
  await context.expect.rejects(
    within('connecting', connecting, 6000),
    ['unavailable', 'timeout'],
    'connecting to a broker that does not answer',
  );
  context.expect.between(performance.now() - begun, 1400, 1500 + context.timing.slackMs, 'milliseconds that it took');
  await context.broker.resume();
  const inbox = context.inbox();
  await (await context.connect({ jobs })).jobs.consume(inbox.handler);
  await inbox.complete([job!], 'what was there before');
}

async function deadAtStart(context: Context): Promise<void> {
  const jobs = jobQueue(context);
  const away = interposed(await context.driver());
  await away.cut();
  const begun = performance.now();
  const error = await context.expect.rejects(
    within('connecting', context.connect({ jobs }, { driver: away.driver, connectTimeoutMs: 800 }), 5000),
    'unavailable',
    'connecting to a broker that is away',
  );
  context.expect.between(performance.now() - begun, 700, 800 + context.timing.slackMs, 'milliseconds that it took');
  context.expect.ok(
    error.message.includes(error.broker ?? 'no broker is named'),
    `the broker is named in: ${error.message}`,
  );
  const later = context.connect({ jobs }, { driver: away.driver, connectTimeoutMs: 10_000 });
  await context.quiet(300);
  away.mend();
  const bus = await later;
  const [inbox, [job]] = [context.inbox(), context.jobs(1)];
  await bus.jobs.consume(inbox.handler);
  await bus.jobs.send(job!);
  await inbox.complete([job!], 'what is sent once it is there');
}

async function zombie(context: Context): Promise<void> {
  const door = gate();
  const jobs = jobQueue(context);
  const away = interposed(await context.driver());
  const first = await context.connect({ jobs }, { driver: away.driver });
  const second = await context.connect({ jobs });
  const [job] = context.jobs(1);
  const said: string[] = [];
  const stale = context.inbox({
    async handle(_, { delivery }) {
      await door.passed;
      said.push(await delivery.accept());
    },
  });
  await first.jobs.consume(stale.handler);
  await second.jobs.send(job!);
  await stale.atLeast(1);
  // Time enough for a settlement that came before its handler ended, which would be found out below.
  await context.quiet();
  await away.cut();
  context.evidence('cut', 'the first consumer has no connection, and gets none');
  const fresh = context.inbox({ handle: () => context.quiet(500) });
  await second.jobs.consume(fresh.handler);
  await fresh.atLeast(1);
  context.expect.ok(stale.taken[0]!.delivery.signal.aborted, 'the signal of what was lost is aborted');
  door.open();
  await context.until('the late settlement', () => said.length > 0);
  context.expect.deepEqual(said, ['lost'], 'what the late settlement says');
  await fresh.complete([job!], 'the next consumer, which keeps what it has');
  away.mend();
  await context.until('the first consumer to be back', () => Object.values(first.state).includes('live'));
  await context.quiet();
  context.expect.equal(stale.taken.length + fresh.taken.length, 2, 'runs in all');
}

async function removedUnder(context: Context): Promise<void> {
  const jobs = jobQueue(context);
  const bus = await context.connect({ jobs });
  const inbox = context.inbox();
  const consumer = await bus.jobs.consume(inbox.handler);
  const [before, after] = context.jobs(2);
  await bus.jobs.send(before!);
  await inbox.complete([before!], 'before');
  const link = await context.link();
  await link.admin!.remove!({
    kind: 'queue',
    name: jobs.name,
    order: 'none',
    priority: false,
    ttl: false,
    delay: false,
  });
  const states = (): readonly string[] =>
    context.events.flatMap((event) => (event.type === 'consumer' && event.source === jobs.name ? [event.state] : []));
  await context.until('the consumer to say that it lost its queue', () => states().includes('waiting'));
  context.evidence('removed', `the consumer said: ${states().join(', ')}`);
  await (await context.connect({ jobs })).close();
  await context.until('the consumer to work again', () => consumer.state === 'live', 20_000);
  await bus.jobs.send(after!);
  await inbox.complete([before!, after!], 'before and after');
}
