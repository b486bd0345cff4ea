import { readdirSync } from 'node:fs';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { within } from '../waits.ts';
import { caseOf } from './define.ts';
import { jobQueue } from './destinations.ts';

const define = caseOf({ requires: { kind: 'queue' } });

/** C11, C12, C17, C20: what a bus leaves behind in its process, and whether it knows that its broker is there. */
export const lifecycleProcess: readonly Case[] = [
  define({
    id: 'C11',
    title: 'a process whose bus is closed ends by itself within two seconds',
    requires: { controls: ['child'] },
    run: endsByItself,
  }),
  define({
    id: 'C12',
    title: 'fifty times opened, used and closed leave no socket, timer, listener or consumer',
    company: 'alone',
    timeoutMs: 60_000,
    run: cycles,
  }),
  define({
    id: 'C17',
    title: 'ping resolves after a round trip only, and rejects in time while the broker does not answer',
    kind: 'fault',
    requires: { controls: ['pause'] },
    run: health,
  }),
  caseOf({ requires: {} })({
    id: 'C20',
    title: 'no case of the whole run left an error that nobody handled',
    when: 'end',
    traffic: 'none',
    run: noStrays,
  }),
];

async function endsByItself(context: Context): Promise<void> {
  const destination = jobQueue(context);
  await (await context.connect({ jobs: destination })).close();
  const jobs = context.jobs(20);
  const child = await context.child('lifecycle', { input: { name: destination.name, jobs } });
  await context.until(
    'the child to have closed its bus',
    () => child.reports.some(({ point }) => point === 'closed') || !child.isRunning,
    20_000,
  );
  const closedAt = performance.now();
  const exit = await within(`the end of pid ${child.pid}, which printed: ${child.output};`, child.exited, 2000);
  context.expect.equal(exit.code, 0, `the exit code of pid ${child.pid}, which printed: ${child.output}`);
  context.evidence('milliseconds from closed to gone', Math.round(performance.now() - closedAt));
  const handled = child.reports.filter(({ point }) => point === 'handled').map(({ detail }) => String(detail));
  context.saw(handled.length);
  context.expect.sameMembers(
    handled,
    jobs.map(({ id }) => id),
    'what it handled before',
  );
}

async function cycles(context: Context): Promise<void> {
  const destination = jobQueue(context);
  const cycle = async (part: string): Promise<void> => {
    const bus = await context.connect({ jobs: destination });
    const [inbox, [job]] = [context.inbox(), context.jobs(1, part)];
    await bus.jobs.consume(inbox.handler);
    await bus.jobs.send(job!);
    await inbox.atLeast(1);
    await bus.close();
  };
  for (const part of ['warm-1', 'warm-2']) await cycle(part);
  const before = footprint();
  for (let round = 1; round <= 50; round++) await cycle(`cycle-${round}`);
  // Sockets are gone a turn or two after their end was told.
  await context
    .until(`the footprint of before, ${told(before)}`, () => told(footprint()) === told(before), 2000)
    .catch(() => undefined);
  const after = footprint();
  context.evidence('before', told(before));
  context.evidence('after', told(after));
  for (const [what, count] of Object.entries(after))
    context.expect.between(count, 0, before[what] ?? 0, `${what} after 50 cycles`);
  context.expect.equal(context.traffic.connects, 52, 'connections made');
}

/** Of this process. Where it runs on Linux, files and sockets as the kernel counts them. */
function footprint(): Readonly<Record<string, number>> {
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  const resources = process.getActiveResourcesInfo().filter((one) => /TCP|TLS|Pipe|Socket|Server/.test(one)).length;
  return { listeners, resources, ...(process.platform === 'linux' && { files: readdirSync('/proc/self/fd').length }) };
}
const told = (one: Readonly<Record<string, number>>): string => JSON.stringify(one);

async function health(context: Context): Promise<void> {
  const bus = await context.connect({ jobs: jobQueue(context) });
  const [job] = context.jobs(1);
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  await bus.ping();
  await context.broker.pause();
  // A process of many threads is stopped a moment after it was told so.
  await context.until(
    'a ping that is not answered',
    () =>
      bus.ping({ signal: AbortSignal.timeout(500) }).then(
        () => false,
        () => true,
      ),
    3000,
  );
  const begun = performance.now();
  const ping = bus.ping({ signal: AbortSignal.timeout(1000) });
  await context.expect.rejects(
    within('a ping to a broker that is stopped', ping, 3000),
    ['timeout', 'unavailable', 'aborted'],
    'a ping to a broker that is stopped',
  );
  context.expect.between(performance.now() - begun, 900, 3000, 'milliseconds that the ping waited');
  await context.broker.resume();
  await context.until('a ping that comes back', () =>
    bus.ping({ signal: AbortSignal.timeout(1000) }).then(
      () => true,
      () => false,
    ),
  );
  await bus.jobs.send(job!);
  await inbox.complete([job!], 'what is sent afterwards');
}

/** The runner fails a case that leaves one; here the whole run is asked. */
async function noStrays(context: Context): Promise<void> {
  const strays = [...context.results.values()].filter(({ reason }) => reason?.includes('unhandled') ?? false);
  context.expect.deepEqual(
    strays.map(({ id, reason }) => `${id}: ${reason}`),
    [],
    'cases that left an error unhandled',
  );
  context.expect.ok(
    process.listenerCount('unhandledRejection') > 0,
    'somebody takes note of errors that nobody handled',
  );
  context.evidence('cases watched', context.results.size);
}
