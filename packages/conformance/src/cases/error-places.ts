import { type BusEvent, type Needs, queue, type, WaybillError } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { caseOf } from './define.ts';
import { atOnce, jobQueue } from './destinations.ts';
import { destinationOf } from '../destination-of.ts';

const define = caseOf({ requires: { kind: 'queue' } });

/** E01 to E03: places that are missing, oddly called, or not what was declared. */
export const errorPlaces: readonly Case[] = [
  define({
    id: 'E01',
    title:
      'a missing place is said to be missing when it is used, not when its handle is made, and costs no other place',
    run: missing,
  }),
  define({
    id: 'E02',
    title: 'names of every form are carried or refused, and no two of them become one place',
    timeoutMs: 60_000,
    run: names,
  }),
  define({
    id: 'E03',
    title: 'a place that is not what is declared rejects with mismatch, and those who use it are not disturbed',
    run: conflicting,
  }),
];

async function missing(context: Context): Promise<void> {
  const there = jobQueue(context, 'there');
  await (await context.connect({ there })).close();
  const bus = await context.connect(
    { there, missing: jobQueue(context, 'missing') },
    { topology: 'assume', connectTimeoutMs: 1500, sendTimeoutMs: 3000 },
  );
  const [job, marker] = context.jobs(2);
  const error = await context.expect.rejects(
    () => bus.missing.send(job!),
    ['unroutable', 'not-found'],
    'sending to a place that is not there',
  );
  context.expect.equal(error.outcome, 'rejected', 'the outcome');
  context.expect.ok(error.message.includes(context.name('missing')), `the place is named in: ${error.message}`);
  await context.expect.rejects(
    () => bus.missing.consume(() => undefined),
    ['not-found', 'unroutable'],
    'consuming from a place that is not there',
  );
  await context.expect.rejects(
    () => context.connect({ missing: jobQueue(context, 'missing') }, { topology: 'verify' }),
    ['mismatch', 'not-found'],
    'verifying a place that is not there',
  );
  const inbox = context.inbox();
  await bus.there.consume(inbox.handler);
  await bus.there.send(marker!);
  await inbox.complete([marker!], 'the place that is there');
}

const forms = [
  'plain',
  'Plain',
  'PLAIN',
  'a.b',
  'a_b',
  'a-b',
  'a b',
  'a/b',
  'a\\b',
  'a%2Fb',
  'a:b',
  'a*b',
  'a#b',
  'a>b',
  'a+b',
  'a?b&c=d',
  'a"b',
  "a'b",
  '$a',
  '{a}',
  '\u00fc',
  'u\u0308',
  '\u540d',
  '\u{1f600}',
  `${'l'.repeat(150)}1`,
  `${'l'.repeat(150)}2`,
  `${'l'.repeat(400)}1`,
  `${'l'.repeat(400)}2`,
] as const;

async function names(context: Context): Promise<void> {
  for (const bad of ['', ' ', '\n', 'a\0b', '\u007f', '\ud800', 5, null, undefined])
    await context.expect.rejects(() => queue(bad as string), 'invalid', `a queue called ${JSON.stringify(bad)}`);
  const bus = await context.connect({});
  const carried: { readonly form: string; readonly ids: readonly string[]; readonly job: Job }[] = [];
  const refused: string[] = [];
  const jobs = context.jobs(forms.length);
  for (const [index, form] of forms.entries()) {
    const inbox = context.inbox();
    try {
      const it = await bus.attach(queue(context.name(form), { schema: type<Job>(), retry: atOnce }));
      await it.consume(inbox.handler);
      await it.send(jobs[index]!);
      carried.push({
        form,
        job: jobs[index]!,
        get ids() {
          return inbox.ids;
        },
      });
    } catch (error) {
      context.expect.ok(WaybillError.is(error, 'invalid'), `the name ${form} is carried or invalid: ${String(error)}`);
      refused.push(form);
    }
  }
  await context.until('every carried name to have its message', () => carried.every(({ ids }) => ids.length > 0));
  await context.quiet();
  for (const { form, ids, job } of carried) context.expect.deepEqual(ids, [job.id], `what came out of ${form}`);
  context.expect.ok(
    carried.length >= 6,
    `plain names, dots, dashes and underscores at least are carried: ${carried.length} were`,
  );
  context.evidence(
    'refused names',
    refused.map((form) => (form.length > 20 ? `${form.length} characters` : form)).join(' ') || 'none',
  );
}

/** Needs that make a queue another one, where the broker notices. */
const others: readonly Needs[] = [
  { priority: true },
  { order: 'total' },
  { ttl: true },
  { delay: true },
  { delivery: 'at-most-once' },
];

async function conflicting(context: Context): Promise<void> {
  let downs = 0;
  const observe = (event: BusEvent): void => {
    if (event.type === 'link' && event.state === 'down') downs += 1;
  };
  const first = await context.connect({ jobs: jobQueue(context) }, { observe });
  const inbox = context.inbox();
  const consumer = await first.jobs.consume(inbox.handler);
  const found: string[] = [];
  for (const needs of others) {
    const destination = destinationOf('queue', context.name('jobs'), needs);
    const outcome = await context.connect({ jobs: destination }).then(
      async (bus) => (await bus.close(), 'taken'),
      (error: unknown) => (WaybillError.is(error) ? error.code : String(error)),
    );
    found.push(`${JSON.stringify(needs)} ${outcome}`);
    context.expect.ok(
      ['taken', 'mismatch', 'unsupported'].includes(outcome),
      `declared again with ${JSON.stringify(needs)}: mismatch, or no difference here, not ${outcome}`,
    );
  }
  context.evidence('declared again', found.join(', '));
  await toldWhereDriverTells(context, found);
  const jobs = context.jobs(10);
  await first.jobs.sendMany(jobs);
  await inbox.complete(jobs, 'those who use it already');
  context.expect.equal(consumer.state, 'live', 'their consumer');
  context.expect.equal(downs, 0, 'how often their connection was lost over it');
  if (!found.some((one) => one.endsWith('mismatch')))
    context.notApplicable('no two declarations of a queue differ on this broker');
}

/** What the driver reports of a place must reach the one who declared it: asked below the bus, for two that differ. */
async function toldWhereDriverTells(context: Context, found: readonly string[]): Promise<void> {
  const link = await context.link();
  const declaration = {
    kind: 'queue',
    name: context.name('jobs'),
    order: 'total',
    priority: false,
    ttl: false,
    delay: false,
  } as const;
  const differences = (await link.declare?.([declaration], 'verify')) ?? [];
  context.evidence('differences that the driver reports', differences.length);
  const isRefused = found.some((one) => one.startsWith('{"order":"total"}') && !one.endsWith('taken'));
  context.expect.ok(differences.length === 0 || isRefused, 'a queue that the driver finds different is refused');
}
