import { deadLettersOf, fixed, type Needs, queue, Reject, topic, type } from '@waybill/core';
import type { Case, Facts } from '../case.ts';
import type { Child } from '../child/parent.ts';
import type { Context } from '../context.ts';
import type { Inbox, Job } from '../inbox.ts';
import { valueAt } from '../words.ts';
import { caseOf } from './define.ts';
import { Provoked } from './destinations.ts';

type Kind = 'queue' | 'topic';
const kinds: readonly Kind[] = ['queue', 'topic'];

const delayMs = 800;
const retry = { attempts: 5, backoff: fixed(300) };
const count = 40;

const define = caseOf({ requires: { controls: ['child'] }, kind: 'capability' });

const isDurable = (kind: Kind, { capabilities }: Facts): string | undefined =>
  kind === 'topic' && valueAt(capabilities, 'topic.durable') === 'none'
    ? 'without durable subscriptions nothing outlives a consumer'
    : undefined;
const isEmulated = (kind: Kind, name: string, { capabilities }: Facts): string | undefined =>
  valueAt(capabilities, `${kind}.${name}`) === 'native' ? `${name} is native here; N06 proves it` : undefined;

/**
 * N07: what Waybill does for a broker survives the death of the process that does it. Time to live, patterns and filters
 * are decisions without a memory, so they have no crash variant; T08, T09 and the L cases prove them.
 */
export const emulations: readonly Case[] = kinds.flatMap((kind) => [
  define({
    id: `N07:${kind}.delay`,
    title: `${kind}: emulated delays outlive the consumer that served them: nothing is lost, nothing comes early`,
    requires: {
      kind,
      needs: { delay: true },
      able: (facts) => isEmulated(kind, 'delay', facts) ?? isDurable(kind, facts),
    },
    timeoutMs: 60_000,
    run: (context) => delays(context, kind),
  }),
  define({
    id: `N07:${kind}.deadLetter`,
    title: `${kind}: dead letters with their cause are complete although a consumer died while it wrote them`,
    requires: { kind, needs: { deadLetter: true }, able: (facts) => isDurable(kind, facts) },
    timeoutMs: 60_000,
    run: (context) => deadLetters(context, kind),
  }),
  define({
    id: `N07:${kind}.retry`,
    title: `${kind}: messages that wait for another attempt outlive the consumer that failed them`,
    requires: { kind, able: (facts) => isDurable(kind, facts) },
    timeoutMs: 60_000,
    run: (context) => retries(context, kind),
  }),
]);

interface Place {
  send(jobs: readonly Job[], options?: { readonly delayMs?: number }): Promise<void>;
  consume(inbox: Inbox<Job>): Promise<unknown>;
  /** What a child needs to consume the same. */
  readonly input: {
    readonly kind: Kind;
    readonly name: string;
    readonly subscription?: string;
    readonly needs: Needs;
    readonly waitMs: number;
  };
  dead(inbox: Inbox<unknown>): Promise<unknown>;
}

/** Declared, with its durable subscription, before anything dies. */
async function openPlace(
  context: Context,
  kind: Kind,
  needs: { readonly delay?: true; readonly deadLetter?: true },
): Promise<Place> {
  const name = context.name();
  const options = { schema: type<Job>(), needs, retry } as const;
  if (kind === 'queue') {
    const it = queue(name, options);
    const bus = await context.connect({ it });
    return {
      send: async (jobs, sending) => void (await Promise.all(jobs.map((job) => bus.it.send(job, sending as {})))),
      consume: (inbox) => bus.it.consume(inbox.handler),
      dead: async (inbox) => (await bus.attach(deadLettersOf(it))).consume(inbox.handler),
      input: { kind, name, needs, waitMs: retry.backoff(1) },
    };
  }
  const it = topic(name, options);
  const bus = await context.connect({ it });
  const subscription = 'kept';
  await (await bus.it.subscribe(() => undefined, { subscription })).close();
  return {
    send: async (jobs, sending) => void (await Promise.all(jobs.map((job) => bus.it.publish(job, sending as {})))),
    consume: (inbox) => bus.it.subscribe(inbox.handler, { subscription }),
    dead: async (inbox) => (await bus.attach(deadLettersOf(it))).consume(inbox.handler),
    input: { kind, name, needs, subscription, waitMs: retry.backoff(1) },
  };
}

const idsAt = (child: Child, point: string): string[] =>
  child.reports.filter((report) => report.point === point).map(({ detail }) => (detail as { readonly id: string }).id);

async function killed(context: Context, child: Child): Promise<void> {
  context.saw(idsAt(child, 'handling').length);
  context.evidence('killed', `${await child.kill()}, ${idsAt(child, 'handling').length} handlers started there`);
}

const missing = (jobs: readonly Job[], ...seen: readonly (readonly string[])[]): string[] => {
  const all = new Set(seen.flat());
  return jobs.map(({ id }) => id).filter((id) => !all.has(id));
};

async function delays(context: Context, kind: Kind): Promise<void> {
  const place = await openPlace(context, kind, { delay: true });
  const child = await context.child('consumer', { input: place.input });
  await context.until('the child to be ready', () => child.reports.some(({ point }) => point === 'ready'));
  const jobs = context.jobs(count);
  const sentAt = performance.now();
  await place.send(jobs, { delayMs });
  await context.quiet(delayMs / 2);
  await killed(context, child);
  const inbox = context.inbox();
  await place.consume(inbox);
  await context.until('every delayed message', () => missing(jobs, inbox.ids, idsAt(child, 'handled')).length === 0);
  context.expect.deepEqual(idsAt(child, 'handled'), [], 'what came early, to the child');
  for (const { at } of inbox.taken)
    context.expect.between(at - sentAt, delayMs - 30, Infinity, 'milliseconds until it came');
}

async function deadLetters(context: Context, kind: Kind): Promise<void> {
  const place = await openPlace(context, kind, { deadLetter: true });
  const child = await context.child('consumer', {
    input: { ...place.input, fails: 'reject', options: { concurrency: 4 } },
    holdAt: { handling: 15 },
  });
  await context.until('the child to be ready', () => child.reports.some(({ point }) => point === 'ready'));
  const jobs = context.jobs(count);
  await place.send(jobs);
  await context.until('the child to be held at its fifteenth handler', () =>
    child.reports.some(({ isHeld }) => isHeld),
  );
  await killed(context, child);
  const inbox = context.inbox({
    handle: () => {
      throw new Reject('for good');
    },
  });
  await place.consume(inbox);
  const letters = context.inbox<unknown>();
  await place.dead(letters);
  await context.until('every dead letter', () => missing(jobs, letters.ids).length === 0);
  for (const { delivery } of letters.taken)
    context.expect.match(`${delivery.deadLetter?.error}`, /for good/, 'the cause');
  context.evidence('dead letters twice', letters.ids.length - new Set(letters.ids).size);
}

async function retries(context: Context, kind: Kind): Promise<void> {
  const place = await openPlace(context, kind, {});
  const child = await context.child('consumer', {
    input: { ...place.input, fails: 'throw', options: { concurrency: 8 } },
    holdAt: { handling: 30 },
  });
  await context.until('the child to be ready', () => child.reports.some(({ point }) => point === 'ready'));
  const jobs = context.jobs(count);
  await place.send(jobs);
  await context.until('the child to be held at its thirtieth handler', () =>
    child.reports.some(({ isHeld }) => isHeld),
  );
  await killed(context, child);
  const done = new Set<string>();
  const inbox = context.inbox({
    handle({ id }, { attempt }) {
      if (attempt < 3) throw new Provoked();
      done.add(id);
    },
  });
  await place.consume(inbox);
  await context.until('every message to succeed', () => missing(jobs, [...done]).length === 0, 20_000);
  context.expect.equal(done.size, count, 'messages that succeeded in the end');
}
