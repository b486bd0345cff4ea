import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kind, type WaybillError } from '@waybill/core';
import { noneSent } from '@waybill/core/driver';
import { proveRefusal } from '../applies.ts';
import type { Case, Facts } from '../case.ts';
import { startChild } from '../child/parent.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { destinationOf } from '../destination-of.ts';
import { channelIn, channelOf, forBoth, isExact, type Way } from './channel.ts';
import { caseOf } from './define.ts';
import { jobQueue } from './destinations.ts';
import { interposed } from './interposed.ts';

/** G06, G09, G19, G20, G26: what a sender is told is true. */
export const guaranteeSending: readonly Case[] = [
  ...forBoth({
    id: 'G06',
    title: 'a message whose send was refused is never delivered, whatever refused it',
    run: refusedIsNeverDelivered,
  }),
  ...forBoth({
    id: 'G09',
    title: 'a send whose confirm is lost is told as unknown, and sent again by its caller it keeps its id',
    run: lostConfirm,
  }),
  ...forBoth({
    id: 'G09:resend',
    title: 'with resend always a send whose confirm is lost is sent again by itself, and resolves',
    run: resent,
  }),
  ...forBoth({
    id: 'G26',
    title: 'a delivery is accepted only when what its handler sent through it is stored',
    run: acceptedWhenStored,
  }),
  caseOf({ requires: {}, kind: 'refusal' })({
    id: 'G19',
    title: 'exactly-once is refused where nothing is stored together with a position, before anything is made or sent',
    traffic: 'none',
    requires: { able: (facts) => (inexact(facts).length > 0 ? undefined : 'each kind that it has keeps positions') },
    async run(context) {
      for (const kind of inexact(context)) {
        const verdict = await proveRefusal(
          () => context.driver(),
          destinationOf(kind, context.name(kind), { delivery: 'exactly-once' }),
        );
        context.expect.equal(verdict?.state, 'refused', `a ${kind}: ${verdict?.reason ?? 'it was accepted'}`);
      }
      context.expect.equal(context.traffic.declared.length + context.traffic.sent, 0, 'what was made or sent');
    },
  }),
  caseOf({ requires: {}, kind: 'load' })({
    id: 'G20',
    title: 'a million ids made by eight processes are all distinct',
    traffic: 'none',
    company: 'alone',
    timeoutMs: 120_000,
    run: distinctIds,
  }),
];

/** The handler has returned, and awaited nothing. */
async function acceptedWhenStored(context: Context, way: Way): Promise<void> {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const { driver } = interposed(await context.driver(), {
    async send(send) {
      await opened;
      return send();
    },
  });
  const bus = await context.connect({ out: jobQueue(context, 'out') }, { driver });
  const [outputs, inbox] = [
    context.inbox(),
    context.inbox({ handle: (job: Job, { delivery }) => void delivery.send(bus.out, job) }),
  ];
  await bus.out.consume(outputs.handler);
  const channel = await channelOf(context, way)();
  const consumer = await channel.consume(inbox.handler);
  const jobs = context.jobs(5);
  await channel.sendMany(jobs);
  await inbox.atLeast(jobs.length);
  await context.quiet();
  const accepted = (): number => inbox.taken.filter(({ delivery }) => !delivery.isOpen).length;
  context.expect.equal(accepted(), 0, 'deliveries that are accepted before their outputs are stored');
  open();
  await outputs.complete(jobs, 'the outputs');
  await context.until('all deliveries to be accepted', () => accepted() === jobs.length);
  await consumer.close();
  context.expect.equal(inbox.taken.length, jobs.length, 'runs');
}

/** The kinds from which nothing can be consumed exactly once. */
const inexact = ({ capabilities }: Pick<Facts, 'capabilities'>): readonly Kind[] =>
  (['queue', 'topic', 'stream'] as const).filter((kind) => {
    const channel = capabilities[kind];
    return channel !== 'none' && !isExact(capabilities, channel.style);
  });

async function refusedIsNeverDelivered(context: Context, way: Way): Promise<void> {
  const broker = interposed(await context.driver());
  const open = channelOf(context, way);
  const channel = await open({ driver: broker.driver, sendTimeoutMs: 2000 });
  const inbox = context.inbox();
  await (await open()).consume(inbox.handler);
  const [before, refused, after] = [context.jobs(10, 'before'), context.jobs(10, 'refused'), context.jobs(10, 'after')];
  await channel.sendMany(before);
  const gone = AbortSignal.abort();
  const bad = [{ id: 'a b' }, { headers: { 'waybill-x': 'y' } }, { priority: 5 }, { signal: gone }] as const;
  for (const options of bad) await mustBeRefused(context, channel.send(refused[0]!, options), ['invalid', 'aborted']);
  await broker.cut();
  const sends = [...refused.map((job) => channel.send(job)), channel.sendMany(refused)];
  await Promise.all(sends.map((work) => mustBeRefused(context, work, ['unavailable'])));
  broker.mend();
  const isLive = (): boolean =>
    context.events.filter((event) => event.type === 'link' && event.state === 'live').length >= 3;
  await context.until('the connection to be back', isLive);
  await channel.sendMany(after);
  await inbox.complete([...before, ...after], 'what was not refused');
}

async function mustBeRefused(
  { expect }: Context,
  work: Promise<unknown>,
  codes: readonly WaybillError['code'][],
): Promise<void> {
  const error = await expect.rejects(work, codes, 'a send that cannot work');
  expect.equal(error.outcome, 'rejected', `the outcome of ${error.code}`);
}

/** The broker has the message, and the answer never comes: once. */
async function withLostConfirm(context: Context) {
  let lost = 0;
  const { driver } = interposed(await context.driver(), {
    async send(send, batch) {
      const sent = await send();
      return lost++ === 0 ? noneSent(batch, 'unknown', new Error('the case has lost this confirm')) : sent;
    },
  });
  return driver;
}

const copies = (context: Context, way: Way): number => (channelIn(context, way)?.dedup === 'window' ? 1 : 2);

async function lostConfirm(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way)({ driver: await withLostConfirm(context), resend: 'safe' });
  const inbox = context.inbox();
  await channel.consume(inbox.handler);
  const [job] = context.jobs(1);
  const error = await context.expect.rejects(
    channel.send(job!, { id: 'the-same' }),
    'unknown-outcome',
    'a send whose confirm is lost',
  );
  context.expect.equal(error.outcome, 'unknown', 'the outcome');
  await inbox.complete([job!], 'it was stored, and not sent twice');
  await channel.send(job!, { id: 'the-same' });
  await inbox.complete(
    Array.from({ length: copies(context, way) }, () => job!),
    'sent again by the caller',
  );
  context.expect.ok(
    inbox.taken.every(({ id }) => id === 'the-same'),
    'its id, by which a handler can tell',
  );
}

async function resent(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way)({ driver: await withLostConfirm(context), resend: 'always' });
  const inbox = context.inbox();
  await channel.consume(inbox.handler);
  const [job] = context.jobs(1);
  await channel.send(job!);
  await inbox.complete(
    Array.from({ length: copies(context, way) }, () => job!),
    'once where the broker drops duplicates, else twice',
  );
  context.expect.equal(new Set(inbox.taken.map(({ id }) => id)).size, 1, 'ids');
}

const processes = 8;
const idsEach = 125_000;

async function distinctIds(context: Context): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'waybill-ids-'));
  context.defer('the files of ids', () => rmSync(directory, { recursive: true }));
  const files = Array.from({ length: processes }, (_, index) => join(directory, `${index}`));
  await Promise.all(
    files.map(async (file) => {
      const child = await startChild('ids', 'none:', { input: { count: idsEach, file } });
      context.defer(`the process ${child.pid}`, () => child.kill());
      context.expect.equal(
        (await child.exited).code,
        0,
        `the exit code of ${child.pid}, which printed: ${child.output}`,
      );
    }),
  );
  const ids = new Set<string>();
  for (const file of files) for (const id of readFileSync(file, 'utf8').split('\n')) ids.add(id);
  context.expect.equal(ids.size, processes * idsEach, 'distinct ids');
}
