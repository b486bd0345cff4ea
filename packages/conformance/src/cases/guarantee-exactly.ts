import {
  type Bus,
  type Consumer,
  type Handler,
  type Kind,
  queue,
  type Stream,
  stream,
  topic,
  type,
} from '@waybill/core';
import type { Case, Control, Facts } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { sleep } from '../waits.ts';
import { caseOf } from './define.ts';
import { atOnce, jobStream, Provoked } from './destinations.ts';

const kinds: readonly Kind[] = ['queue', 'topic', 'stream'];
type Fault = 'kill' | 'pause' | 'disconnect';
const faults = ['kill', 'pause', 'disconnect'] as const satisfies readonly Control[];
const afterTransactionMs = 60_000;

/** G21 to G25: consumed and sent on exactly once, as seen by whoever reads what was sent. */
export const guaranteeExactly: readonly Case[] = [
  ...kinds.map((kind) =>
    define(kind, 'G21', 'what a handler sends is there once for each message, and nothing of a run that failed', calm),
  ),
  ...kinds.map((kind) => define(kind, 'G22', 'nothing of what a handler sends is seen before it is done', held)),
  ...kinds.flatMap((kind) =>
    faults.map((fault) =>
      define(kind, 'G23', `every output is there once, whatever ${evenWhen(fault)}`, throughFault, fault),
    ),
  ),
  ...kinds.map((kind) =>
    define(kind, 'G24', 'every output is there once, wherever a consumer was killed', throughDeaths, 'child'),
  ),
  {
    ...define('topic', 'G25', 'a subscription without a name keeps no position, and is refused', unnamed),
    traffic: 'none',
  },
];

async function unnamed(context: Context): Promise<void> {
  const news = topic(context.name('news'), { schema: type<Job>(), needs: { delivery: 'exactly-once' } });
  const bus = await context.connect({ news });
  const subscribing = bus.news.subscribe(() => undefined);
  await context.expect.rejects(subscribing, 'unsupported', 'a subscription without a name');
}

function evenWhen(fault: Fault): string {
  const happened = {
    kill: 'the broker is killed',
    pause: 'it stops answering',
    disconnect: 'all connections are lost',
  };
  return happened[fault];
}

function define(
  kind: Kind,
  id: string,
  title: string,
  run: (context: Context, kind: Kind, control: Control) => Promise<void>,
  control?: Control,
): Case {
  const part = control === undefined || control === 'child' ? '' : `.${control}`;
  return caseOf({ requires: {} })({
    id: `${id}:${kind}${part}`,
    title: `exactly-once from a ${kind}: ${title}`,
    ...(control !== undefined && { kind: 'fault' }),
    timeoutMs: 120_000,
    requires: {
      kind,
      needs: { delivery: 'exactly-once' },
      able: (facts) => (kind === 'topic' ? withoutSubscriptions(facts) : undefined),
      ...(control !== undefined && { controls: [control] }),
    },
    run: (context) => run(context, kind, control!),
  });
}
const withoutSubscriptions = ({ capabilities: { topic: channel } }: Facts): string | undefined =>
  channel !== 'none' && channel.durable === 'none' ? 'this broker has no durable subscriptions' : undefined;

type Output = Bus<{ readonly output: Stream<Job> }>['output'];
/** A source on one broker with a stream, and what goes from one to the other. */
interface Pipe {
  readonly from: string;
  readonly to: string;
  readonly sendMany: (jobs: readonly Job[]) => Promise<unknown>;
  readonly consume: (handler: (output: Output) => Handler<Job>) => Promise<Consumer>;
  /** What stands in the stream once each of these is there, and nothing has come for a while. */
  readonly arrived: (jobs: readonly Job[]) => Promise<readonly string[]>;
}

const subscription = 'kept';

async function pipeOf(context: Context, kind: Kind): Promise<Pipe> {
  const output = jobStream(context, 'out');
  const from = context.name('in');
  const given = { schema: type<Job>(), retry: atOnce, needs: { delivery: 'exactly-once' } } as const;
  const common = { from, to: output.name, arrived: (jobs: readonly Job[]) => arrived(context, output, jobs) };
  switch (kind) {
    case 'queue': {
      const bus = await context.connect({ source: queue(from, given), output });
      return {
        ...common,
        sendMany: (jobs) => bus.source.sendMany(jobs),
        consume: (handler) => bus.source.consume(handler(bus.output)),
      };
    }
    case 'topic': {
      const bus = await context.connect({ source: topic(from, given), output });
      await (await bus.source.subscribe(() => undefined, { subscription })).close();
      return {
        ...common,
        sendMany: (jobs) => bus.source.publishMany(jobs),
        consume: (handler) => bus.source.subscribe(handler(bus.output), { subscription }),
      };
    }
    case 'stream': {
      const bus = await context.connect({ source: stream(from, given), output });
      return {
        ...common,
        sendMany: (jobs) => bus.source.appendMany(jobs),
        consume: (handler) => bus.source.consume(handler(bus.output), { group: subscription }),
      };
    }
  }
}

async function arrived(context: Context, output: Stream<Job>, jobs: readonly Job[]): Promise<readonly string[]> {
  const bus = await context.connect({ output });
  const found: string[] = [];
  const reader = bus.output.read();
  const reading = (async () => {
    for await (const { value } of reader) found.push(value.id);
  })();
  const all = (): boolean => jobs.every(({ id }) => found.includes(id));
  // What is missing when the wait is over is named by the comparison, better than by the wait.
  await context.until('all outputs', all, afterTransactionMs).catch(() => undefined);
  await context.quiet(1000);
  await reader.close();
  await reading;
  context.saw(found.length);
  return found;
}

const complete = async (context: Context, pipe: Pipe, jobs: readonly Job[]): Promise<void> =>
  context.expect.sameMembers(
    await pipe.arrived(jobs),
    jobs.map(({ id }) => id),
    'what was sent on, each once',
  );

async function calm(context: Context, kind: Kind): Promise<void> {
  const pipe = await pipeOf(context, kind);
  const jobs = context.jobs(300);
  let failures = 0;
  await pipe.consume((output) => async (job, delivery) => {
    await delivery.send(output, job);
    if (job.n % 5 > 0 || delivery.attempt > 1) return;
    failures++;
    throw new Provoked();
  });
  await pipe.sendMany(jobs);
  await complete(context, pipe, jobs);
  context.expect.between(failures, 60, 60, 'runs that sent and then failed');
}

async function held(context: Context, kind: Kind): Promise<void> {
  const pipe = await pipeOf(context, kind);
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let sent = 0;
  await pipe.consume((output) => async (job, delivery) => {
    await delivery.send(output, job);
    sent++;
    await gate;
  });
  const jobs = context.jobs(5);
  await pipe.sendMany(jobs);
  await context.until('all handlers to have sent', () => sent === jobs.length);
  context.expect.deepEqual(await pipe.arrived([]), [], 'what is seen before the handlers are done');
  open();
  await complete(context, pipe, jobs);
}

async function throughFault(context: Context, kind: Kind, control: Control): Promise<void> {
  const fault = control as Fault;
  const pipe = await pipeOf(context, kind);
  let done = 0;
  await pipe.consume((output) => async (job, delivery) => {
    await delivery.send(output, job);
    await sleep(context.random.below(4));
    done++;
  });
  const jobs = context.jobs(1500);
  await pipe.sendMany(jobs);
  await context.until('messages before the fault', () => done >= 100);
  context.expect.ok(done < jobs.length, 'the fault finds messages that are not done');
  await context.broker[fault]();
  if (fault === 'kill') await context.broker.start();
  if (fault === 'pause') {
    await context.quiet(1000);
    await context.broker.resume();
  }
  await complete(context, pipe, jobs);
}

/** One after another is killed at its point; what is left over is done here. */
const points = [{ handling: 3 }, { sent: 1 }, { sent: 20 }] as const;

async function throughDeaths(context: Context, kind: Kind): Promise<void> {
  const pipe = await pipeOf(context, kind);
  const jobs = context.jobs(100);
  await pipe.sendMany(jobs);
  for (const holdAt of points) {
    const child = await context.child('pipe', { input: { kind, from: pipe.from, to: pipe.to }, holdAt });
    const isHeld = (): boolean => child.reports.some((report) => report.isHeld);
    await context.until('the consumer to be where it is killed', isHeld, afterTransactionMs);
    context.evidence(`kill at ${JSON.stringify(holdAt)}`, await child.kill());
  }
  await pipe.consume((output) => (job, delivery) => delivery.send(output, job));
  await complete(context, pipe, jobs);
}
