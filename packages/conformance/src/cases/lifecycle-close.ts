import { type Consumer, WaybillError } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { within } from '../waits.ts';
import { caseOf } from './define.ts';
import { jobQueue, jobStream, jobTopic } from './destinations.ts';
import { interposed } from './interposed.ts';
import { openSurface } from './lifecycle-surface.ts';

const define = caseOf({ requires: {} });
const forQueue = caseOf({ requires: { kind: 'queue' } });

/** C01 to C03, C08 to C10: what close promises, whenever it comes. */
export const lifecycleClose: readonly Case[] = [
  forQueue({ id: 'C01', title: 'connect, close and connect again works, and each bus carries messages', run: again }),
  define({ id: 'C02', title: 'closing twice, and ten times at once, is closing once', traffic: 'none', run: twice }),
  define({
    id: 'C03',
    title: 'after close every method of the bus, of handles and of what they opened ends at once, with closed',
    traffic: 'none',
    run: afterClose,
  }),
  forQueue({
    id: 'C08',
    title: 'close while the connection is away, or being made, resolves in time, and nothing connects afterwards',
    run: whileConnecting,
  }),
  forQueue({
    id: 'C09',
    title: 'close with sends pending gives each its outcome, and what resolved is stored',
    run: pendingSends,
  }),
  define({ id: 'C10', title: 'close ends every wait for a next message', traffic: 'none', run: blockedReceive }),
];

async function again(context: Context): Promise<void> {
  const jobs = context.jobs(3);
  for (const job of jobs) {
    const bus = await context.connect({ jobs: jobQueue(context) });
    const inbox = context.inbox();
    await bus.jobs.consume(inbox.handler);
    await bus.jobs.send(job);
    await inbox.complete([job], `round ${job.n}`);
    await bus.close();
    context.expect.deepEqual(Object.values(bus.state), ['closed'], 'the state of a closed bus');
  }
  context.expect.equal(context.traffic.connects, 3, 'connections made');
}

async function twice(context: Context): Promise<void> {
  const { bus } = await openSurface(context);
  await within('ten closings', Promise.all(Array.from({ length: 10 }, () => bus.close())), context.timing.positiveMs);
  await within('one more', bus.close(), 1000);
  await within('disposal', Promise.resolve(bus[Symbol.asyncDispose]()), 1000);
  const closings = context.events.filter((event) => event.type === 'link' && event.state === 'closed');
  context.expect.equal(closings.length, 1, 'closings that were told');
}

async function afterClose(context: Context): Promise<void> {
  const { bus, surfaces } = await openSurface(context);
  const consumer = await surfaces.find(({ name }) => name === 'queue')?.methods['consume']?.(() => undefined);
  const deliveries = await surfaces.find(({ name }) => name === 'queue')?.methods['receive']?.();
  await bus.close();
  const opened = context.traffic.receivers;
  const given = [{ id: 'x', n: 1 }, {}];
  const arguments_: Readonly<Record<string, readonly unknown[]>> = {
    attach: [jobQueue(context, 'late')],
    native: ['any'],
    consume: [() => undefined, { group: 'g' }],
  };
  let calls = 0;
  for (const { name, methods } of surfaces) {
    for (const [method, call] of Object.entries(methods)) {
      if (name === 'bus' && method === 'close') continue;
      calls += 1;
      const work = async (): Promise<void> => void (await call(...(arguments_[method] ?? given)));
      await context.expect.rejects(
        within(`${name}.${method}`, work(), 1000),
        'closed',
        `${name}.${method} after close`,
      );
    }
  }
  context.evidence('methods called', calls);
  context.expect.ok(calls >= 4, `the bus alone has four methods: ${calls} were called`);
  if (consumer) await endsWithBus(context, consumer as Consumer);
  if (deliveries)
    for await (const one of deliveries as AsyncIterable<unknown>)
      context.expect.fail(`a closed bus delivered ${String(one)}`);
  context.expect.equal(context.traffic.receivers - opened, 0, 'receivers opened after close');
}

async function endsWithBus(context: Context, consumer: Consumer): Promise<void> {
  context.expect.equal(consumer.state, 'closed', 'the consumer of a closed bus');
  await within('closing its consumer', consumer.close(), 1000);
  await within('pausing its consumer', consumer.pause(), 1000);
  consumer.resume();
  context.expect.equal(consumer.state, 'closed', 'a closed consumer that was told to resume');
}

async function whileConnecting(context: Context): Promise<void> {
  const away = interposed(await context.driver());
  const bus = await context.connect({ jobs: jobQueue(context) }, { driver: away.driver, sendTimeoutMs: 60_000 });
  const [job] = context.jobs(1);
  await bus.jobs.send(job!);
  context.saw(1);
  await away.cut();
  await context.until('the connection to be away', () =>
    context.events.some((event) => event.type === 'link' && event.state === 'down'),
  );
  const sending = bus.jobs.send(job!).then(
    () => 'stored',
    (error: WaybillError) => error.code,
  );
  await within('closing while the connection is away', bus.close(), context.timing.positiveMs);
  const outcome = await within('the send that waited', sending, 1000);
  context.expect.ok(
    ['closed', 'unavailable'].includes(outcome),
    `the send that waited for a connection is refused, not ${outcome}`,
  );
  away.mend();
  const connects = context.traffic.connects;
  await context.quiet(2500);
  context.expect.equal(context.traffic.connects, connects, 'connections made after close');
  await neverConnects(context);
}

/** A broker that accepts and says nothing: the driver only ends with its signal. */
async function neverConnects(context: Context): Promise<void> {
  const real = await context.driver();
  let isMute = false;
  let [begun, ended] = [0, 0];
  const links: { close(): Promise<void> }[] = [];
  let lose: (cause: Error) => void = () => undefined;
  const driver = interposed({
    ...real,
    classify: (error) => real.classify(error),
    async connect(options) {
      begun += 1;
      if (isMute) {
        await new Promise<never>((_, reject) =>
          options.signal.addEventListener('abort', () => reject(options.signal.reason as Error), { once: true }),
        ).finally(() => (ended += 1));
      }
      const link = await real.connect(options);
      links.push(link);
      const lost = new Promise<unknown>((resolve) => (lose = resolve));
      return {
        ...link,
        native: link.native,
        capabilities: link.capabilities,
        closed: Promise.race([lost, link.closed]),
      };
    },
  }).driver;
  const bus = await context.connect({ jobs: jobQueue(context) }, { driver });
  isMute = true;
  lose(new WaybillError('unavailable', 'the case has lost it'));
  await context.until('a connection that does not come about', () => begun === 2);
  await within('closing while a connection is being made', bus.close(), context.timing.positiveMs);
  context.expect.equal(ended, 1, 'attempts to connect that were ended through their signal');
  for (const link of links) await link.close();
}

async function pendingSends(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) }, { window: 50 });
  const jobs = context.jobs(500);
  const outcomes = jobs.map((job) =>
    bus.jobs.send(job).then(
      () => 'stored',
      (error: unknown) => (WaybillError.is(error) ? error.code : String(error)),
    ),
  );
  await within('closing with 500 sends pending', bus.close(), 20_000);
  const settledNow = await within('the outcomes', Promise.all(outcomes), 1000);
  const stored = jobs.filter((_, index) => settledNow[index] === 'stored');
  const odd = settledNow.filter((one) => !['stored', 'closed', 'unknown-outcome'].includes(one));
  context.expect.deepEqual(odd, [], 'outcomes that are neither stored nor closed nor unknown');
  context.evidence('stored', stored.length);
  const later = await context.connect({ jobs: jobQueue(context) });
  const inbox = context.inbox();
  await later.jobs.consume(inbox.handler);
  await inbox.atLeast(stored.length);
  await context.quiet();
  const arrived = new Set(inbox.ids);
  context.expect.deepEqual(
    stored.filter(({ id }) => !arrived.has(id)),
    [],
    'sends that resolved and are not there',
  );
  const refused = jobs.filter((_, index) => settledNow[index] === 'closed');
  context.expect.deepEqual(
    refused.filter(({ id }) => arrived.has(id)),
    [],
    'sends that were refused and are there',
  );
  context.expect.equal(stored.length, 500, 'sends that were called before close, and so get through');
}

async function blockedReceive(context: Context): Promise<void> {
  const { queue, topic, stream } = context.capabilities;
  const bus = await context.connect({});
  const waits: Promise<IteratorResult<unknown>>[] = [];
  if (queue !== 'none')
    waits.push((await (await bus.attach(jobQueue(context))).receive())[Symbol.asyncIterator]().next());
  if (topic !== 'none')
    waits.push((await (await bus.attach(jobTopic(context))).receive())[Symbol.asyncIterator]().next());
  if (stream !== 'none') waits.push((await bus.attach(jobStream(context))).read()[Symbol.asyncIterator]().next());
  const ended = Promise.all(waits);
  await context.quiet();
  await within('closing', bus.close(), context.timing.positiveMs);
  for (const result of await within('every wait for a next message', ended, 1000))
    context.expect.equal(result.done, true, 'a wait that was ended by close');
}
