import type { Bus, BusOptions, Queue } from '@waybill/core';
import type { Case } from '../case.ts';
import type { CaseProxy, Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import type { ProxyFault } from '../target.ts';
import { within } from '../waits.ts';
import { caseOf } from './define.ts';
import { jobQueue } from './destinations.ts';
import { codeOf, downs, steady } from './fault-traffic.ts';

const define = caseOf({ requires: { kind: 'queue', controls: ['proxy'] }, kind: 'fault' });

/** X08 to X19, X28, X34: what happens between a client and its broker. */
export const faultNetwork: readonly Case[] = [
  define({
    id: 'X08',
    title: 'producers and consumers live through reset connections',
    run: (context) => cutOnce(context, { kind: 'reset' }),
  }),
  define({
    id: 'X09',
    title: 'producers and consumers live through connections that the other end closes',
    run: (context) => cutOnce(context, { kind: 'end' }),
  }),
  define({
    id: 'X10',
    title: 'a half-open connection holds up no send beyond its time, and all works when it is mended',
    timeoutMs: 60_000,
    run: halfOpen,
  }),
  define({
    id: 'X11',
    title: 'a send whose answer is lost is unknown: not stored for sure, not refused for sure, and there at most once',
    run: (context) => oneWay(context, 'toClient'),
  }),
  define({
    id: 'X12',
    title: 'a send that is lost on its way is unknown, and is not there',
    run: (context) => oneWay(context, 'toServer'),
  }),
  define({
    id: 'X13',
    title: 'latency of 100 ms, and of a second, costs no connection and no message',
    timeoutMs: 60_000,
    run: latency,
  }),
  define({ id: 'X15', title: 'bytes that arrive one by one are the same messages', timeoutMs: 90_000, run: slices }),
  define({
    id: 'X18',
    title: 'ten cuts in a row converge: one connection each, one consumer, no message lost',
    timeoutMs: 60_000,
    run: manyCuts,
  }),
  define({
    id: 'X19',
    title: 'a broker that refuses connections is asked again, not in a hot loop, and found when it is back',
    timeoutMs: 60_000,
    run: refused,
  }),
  define({ id: 'X34', title: 'nothing is sent twice behind the back of who asked for never', run: noResend }),
];

interface ThroughProxy {
  readonly proxy: CaseProxy;
  readonly bus: Bus<{ jobs: Queue<Job> }>;
}

async function throughProxy(context: Context, options: BusOptions = {}): Promise<ThroughProxy> {
  const proxy = await context.proxy();
  const bus = await context.connect({ jobs: jobQueue(context) }, { ...options, driver: await proxy.driver() });
  return { proxy, bus };
}

/** A driver that goes past the proxy would make every case here pass. */
function wentThrough(context: Context, { bytes }: CaseProxy): void {
  context.evidence(
    'bytes through the proxy',
    `${bytes.toServer.received} to the server, ${bytes.toClient.received} to the client`,
  );
  context.expect.ok(bytes.toServer.forwarded > 0 && bytes.toClient.forwarded > 0, 'the traffic went through the proxy');
}

const lost = ({ bytes: { toServer, toClient } }: CaseProxy): number =>
  toServer.received - toServer.forwarded + toClient.received - toClient.forwarded;

async function cutOnce(context: Context, fault: ProxyFault): Promise<void> {
  const proxy = await context.proxy();
  const traffic = await steady(context, { driver: () => proxy.driver() });
  await traffic.stores(100);
  const connects = context.traffic.connects;
  await proxy.inject(fault);
  await context.until('both ends to notice', () => downs(context) >= 2);
  context.evidence(fault.kind, `${downs(context)} connections were lost`);
  await traffic.stores(100);
  await context.until('the consumer to be live', () => traffic.consumer.state === 'live');
  context.expect.equal(context.traffic.connects - connects, 2, 'connections made anew, one for each end');
  wentThrough(context, proxy);
  await traffic.settle();
}

async function halfOpen(context: Context): Promise<void> {
  const { proxy, bus } = await throughProxy(context, { sendTimeoutMs: 1500 });
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  const [before, during, after] = context.jobs(3);
  await bus.jobs.send(before!);
  await inbox.atLeast(1);
  await proxy.inject({ kind: 'drop' });
  const begun = performance.now();
  const outcome = await within(
    'a send into a black hole',
    bus.jobs.send(during!).then(() => 'stored', codeOf),
    1500 + context.timing.slackMs,
  );
  context.expect.equal(outcome, 'unknown-outcome', 'a send into a black hole');
  context.expect.between(
    performance.now() - begun,
    1400,
    1500 + context.timing.slackMs,
    'milliseconds until it had its outcome',
  );
  await context.expect.rejects(
    within('a ping', bus.ping({ signal: AbortSignal.timeout(500) }), 3000),
    ['timeout', 'unavailable', 'aborted'],
    'a ping into a black hole',
  );
  context.expect.ok(lost(proxy) > 0, 'bytes were dropped');
  context.evidence('bytes dropped', lost(proxy));
  await proxy.heal();
  await context.until(
    'a send that is stored',
    () =>
      bus.jobs.send(after!).then(
        () => true,
        () => false,
      ),
    20_000,
  );
  await context.until('the message after', () => inbox.ids.includes(after!.id), 20_000);
  context.expect.ok(!inbox.ids.includes(during!.id), 'what the black hole took is not there');
  wentThrough(context, proxy);
}

/** Every send of these is out when the fault is on; nobody but a later reader, past the proxy, knows what became of them. */
async function oneWay(context: Context, way: 'toClient' | 'toServer'): Promise<void> {
  const { proxy, bus } = await throughProxy(context, { resend: 'never', sendTimeoutMs: 1500 });
  const [before, ...during] = context.jobs(21);
  await bus.jobs.send(before!);
  await proxy.inject({ kind: 'drop' }, way);
  const outcomes = await within(
    'sends through a line that is dead one way',
    Promise.all(during.map((job) => bus.jobs.send(job).then(() => 'stored', codeOf))),
    1500 + context.timing.slackMs,
  );
  context.expect.deepEqual([...new Set(outcomes)], ['unknown-outcome'], `what ${during.length} sends were told`);
  context.expect.ok(lost(proxy) > 0, 'bytes were dropped');
  context.evidence('bytes dropped', lost(proxy));
  await proxy.heal();
  const inbox = context.inbox();
  const reader = await context.connect({ jobs: jobQueue(context) });
  const [marker] = context.jobs(1, 'marker');
  await reader.jobs.consume(inbox.handler);
  await reader.jobs.send(marker!);
  const expected = way === 'toServer' ? [before!, marker!] : [before!, ...during, marker!];
  await inbox.complete(
    expected,
    way === 'toServer' ? 'none that was lost on its way' : 'each whose answer was lost, once',
  );
  wentThrough(context, proxy);
}

async function latency(context: Context): Promise<void> {
  for (const [index, ms] of [100, 1000].entries()) {
    const proxy = await context.proxy();
    const bus = await context.connect({ jobs: jobQueue(context, `jobs-${ms}`) }, { driver: await proxy.driver() });
    const inbox = context.inbox();
    await bus.jobs.consume(inbox.handler);
    await proxy.inject({ kind: 'delay', ms });
    const jobs = context.jobs(index === 0 ? 200 : 50, `late-${ms}`);
    const begun = performance.now();
    await Promise.all(jobs.map((job) => bus.jobs.send(job)));
    context.expect.between(
      performance.now() - begun,
      ms,
      10_000,
      `milliseconds for ${jobs.length} sends with ${ms} ms each way`,
    );
    await inbox.complete(jobs, `with ${ms} ms each way`);
    context.evidence(`delay ${ms}`, `${jobs.length} sends in ${Math.round(performance.now() - begun)} ms`);
    wentThrough(context, proxy);
    await proxy.heal();
  }
  context.expect.equal(downs(context), 0, 'connections that were lost');
}

/** A packet for each byte is slow, and how slow is not the question. */
async function slices(context: Context): Promise<void> {
  const { proxy, bus } = await throughProxy(context, { connectTimeoutMs: 60_000 });
  await proxy.inject({ kind: 'slice', bytes: 1 });
  const inbox = context.inbox();
  const jobs = context.jobs(10);
  await bus.jobs.consume(inbox.handler);
  for (const job of jobs) await bus.jobs.send(job, { headers: { 'x-cut': 'in pieces' } });
  await inbox.complete(jobs, 'what arrived byte by byte');
  for (const { headers } of inbox.taken) context.expect.deepEqual(headers, { 'x-cut': 'in pieces' }, 'its headers');
  context.expect.equal(downs(context), 0, 'connections that were lost');
  wentThrough(context, proxy);
}

async function manyCuts(context: Context): Promise<void> {
  const proxy = await context.proxy();
  const traffic = await steady(context, { driver: () => proxy.driver() });
  await traffic.stores(50);
  const settledConnections = proxy.liveConnections;
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  for (let cut = 1; cut <= 10; cut++) {
    await proxy.inject({ kind: cut % 2 === 0 ? 'end' : 'reset' });
    await context.quiet(50 + context.random.below(250));
  }
  const before = downs(context);
  context.expect.between(before, 2, 1000, 'connections that were lost');
  await traffic.stores(100);
  await context.until('the consumer to be live', () => traffic.consumer.state === 'live');
  await context
    .until('as many connections as before', () => proxy.liveConnections === settledConnections, 5000)
    .catch(() => undefined);
  context.evidence('cuts', `10 cuts, ${before} connections lost, ${proxy.liveConnections} in the end`);
  context.expect.equal(proxy.liveConnections, settledConnections, 'connections through the proxy, as before the cuts');
  context.expect.equal(
    process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    listeners,
    'listeners on the process',
  );
  await traffic.settle();
}

/** Milliseconds: full jitter of 100, 200, 400, 800, 1600, 2000 leaves room for chance, and none for a loop. */
const refusedMs = 5000;

async function refused(context: Context): Promise<void> {
  const { proxy, bus } = await throughProxy(context, { sendTimeoutMs: 20_000 });
  const [before, during] = context.jobs(2);
  await bus.jobs.send(before!);
  await proxy.inject({ kind: 'refuse' });
  await proxy.inject({ kind: 'reset' });
  await context.until('the connection to be lost', () => downs(context) > 0);
  const connects = context.traffic.connects;
  const sending = bus.jobs.send(during!);
  await context.quiet(refusedMs);
  const attempts = context.traffic.connects - connects;
  context.evidence(`attempts in ${refusedMs} ms`, attempts);
  context.expect.between(attempts, 2, 25, `attempts to connect in ${refusedMs} ms`);
  context.expect.equal(proxy.liveConnections, 0, 'connections while they are refused');
  await proxy.heal();
  const healedAt = performance.now();
  await within('the send that waited', sending, 8000);
  context.evidence('milliseconds from accepting to stored', Math.round(performance.now() - healedAt));
  // Not before: a settlement that the reset took would make a duplicate, which is right and not the question.
  const inbox = context.inbox();
  await bus.jobs.consume(inbox.handler);
  await inbox.complete([before!, during!], 'both');
}

async function noResend(context: Context): Promise<void> {
  const { proxy, bus } = await throughProxy(context, { resend: 'never', sendTimeoutMs: 5000 });
  const jobs = context.jobs(400);
  const outcomes: string[] = [];
  const sending = Promise.all(
    jobs.map(async (job, index) => {
      await context.quiet(Math.floor(index / 4) * 5);
      outcomes.push(await bus.jobs.send(job).then(() => 'stored', codeOf));
    }),
  );
  for (let cut = 0; cut < 3; cut++) {
    await context.quiet(120);
    await proxy.inject({ kind: 'reset' });
  }
  await sending;
  await context.until('the connection to be lost', () => downs(context) > 0);
  const inbox = context.inbox();
  const reader = await context.connect({ jobs: jobQueue(context) });
  await reader.jobs.consume(inbox.handler);
  await inbox.atLeast(outcomes.filter((one) => one === 'stored').length);
  await context.quiet();
  const copies = inbox.ids.length - new Set(inbox.ids).size;
  context.expect.equal(copies, 0, 'copies of messages that were to be sent once');
  context.expect.equal(context.traffic.sent <= jobs.length, true, 'no message went to the driver twice');
  context.evidence(
    'cuts',
    `${downs(context)} connections lost; ${JSON.stringify(Object.fromEntries([...new Set(outcomes)].map((one) => [one, outcomes.filter((other) => other === one).length])))}`,
  );
  wentThrough(context, proxy);
}
