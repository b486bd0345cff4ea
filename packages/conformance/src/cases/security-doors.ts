import { inspect } from 'node:util';
import { describeEvent, type Driver, WaybillError } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { noTraffic, watched } from '../watch.ts';
import { within } from '../waits.ts';
import { caseOf } from './define.ts';
import { jobQueue } from './destinations.ts';

const define = caseOf({
  requires: {
    kind: 'queue',
    able: ({ profile }) => (profile.reach === 'process' ? 'a broker inside the process has no doors' : undefined),
  },
});

/** A01 to A04, A09: who is let in, whom a client trusts, and what nobody gets to read. */
export const securityDoors: readonly Case[] = [
  define({
    id: 'A01',
    title: 'a wrong password is denied at once, and not tried again and again',
    traffic: 'none',
    run: wrongPassword,
  }),
  define({ id: 'A02', title: 'messages go through a connection with TLS whose authority is trusted', run: trusted }),
  define({
    id: 'A03',
    title: 'a certificate of an unknown authority is refused, in time',
    traffic: 'none',
    run: (context) => untrusted(context, 'unknownAuthority', /certificate|issuer|self-signed|authority/i),
  }),
  define({
    id: 'A04',
    title: 'a certificate for another name is refused, in time',
    traffic: 'none',
    run: (context) => untrusted(context, 'wrongName', /altnames|hostname|does not match|certificate/i),
  }),
  define({
    id: 'A09',
    title: 'no error, no event, and no result of the whole run holds a password',
    traffic: 'none',
    when: 'end',
    run: nothingLeaks,
  }),
];

type Door = 'wrongPassword' | 'trusted' | 'unknownAuthority' | 'wrongName';

const doorOf = async (context: Context, door: Door): Promise<Driver> =>
  (await context.security[door]?.()) ?? context.notRun(`the target has no security.${door}`);

async function wrongPassword(context: Context): Promise<void> {
  const traffic = noTraffic();
  const driver = watched(await doorOf(context, 'wrongPassword'), traffic);
  const begun = performance.now();
  const connecting = context.connect({ jobs: jobQueue(context) }, { driver, connectTimeoutMs: 8000 });
  const error = await context.expect.rejects(
    within('connecting with a wrong password', connecting, 12_000),
    'denied',
    'connecting with a wrong password',
  );
  context.evidence('milliseconds', Math.round(performance.now() - begun));
  context.expect.between(
    performance.now() - begun,
    0,
    7000,
    'milliseconds until it was denied, without waiting for the connect timeout',
  );
  context.expect.match(error.message, /password|credentials|user/i, 'what to check is named');
  const tried = traffic.connects;
  await context.quiet(2500);
  context.expect.equal(traffic.connects, tried, 'attempts after it was denied');
  context.expect.between(tried, 1, 2, 'attempts in all');
}

async function trusted(context: Context): Promise<void> {
  const driver = await doorOf(context, 'trusted');
  const bus = await context.connect({ jobs: jobQueue(context) }, { driver });
  const inbox = context.inbox();
  const jobs = context.jobs(50);
  await bus.jobs.consume(inbox.handler);
  await bus.jobs.sendMany(jobs);
  await inbox.complete(jobs, 'what went through TLS');
}

async function untrusted(context: Context, door: 'unknownAuthority' | 'wrongName', why: RegExp): Promise<void> {
  const driver = await doorOf(context, door);
  const connecting = context.connect({ jobs: jobQueue(context) }, { driver, connectTimeoutMs: 3000 });
  const error = await context.expect.rejects(
    within('connecting', connecting, 3000 + context.timing.slackMs),
    ['denied', 'unavailable', 'protocol', 'invalid'],
    'connecting to a broker that is not to be trusted',
  );
  context.expect.match(error.message, why, 'the reason');
  context.evidence('refused with', `${error.code}: ${error.message}`);
}

async function nothingLeaks(context: Context): Promise<void> {
  const secrets = context.security.secrets ?? context.notRun('the target names no secrets');
  const texts: string[] = [];
  if (context.security.wrongPassword) {
    const connecting = context.connect(
      { jobs: jobQueue(context) },
      { driver: await doorOf(context, 'wrongPassword'), connectTimeoutMs: 3000 },
    );
    const error = await connecting.then(
      () => context.expect.fail('a wrong password was let in'),
      (reason: unknown) => reason,
    );
    context.expect.ok(WaybillError.is(error), 'it rejects with a WaybillError');
    texts.push(inspect(error, { depth: 8, showHidden: true }));
  }
  if (context.has('proxy')) texts.push(...(await refusedThroughProxy(context)));
  texts.push(...context.events.flatMap((event) => [inspect(event, { depth: 8 }), describeEvent(event)]));
  texts.push(...[...context.results.values()].map((result) => JSON.stringify(result)));
  context.expect.ok(texts.length > 0, 'there is something to look through');
  context.evidence('texts looked through', texts.length);
  for (const text of texts) {
    const found = secrets.find((secret) => text.includes(secret));
    context.expect.ok(
      found === undefined,
      `a secret is in: ${secrets.reduce((rest, secret) => rest.replaceAll(secret, '<HERE>'), text).slice(0, 400)}`,
    );
  }
}

async function refusedThroughProxy(context: Context): Promise<readonly string[]> {
  const proxy = await context.proxy();
  const bus = await context.connect({ jobs: jobQueue(context) }, { driver: await proxy.driver(), sendTimeoutMs: 800 });
  await proxy.inject({ kind: 'refuse' });
  await proxy.inject({ kind: 'reset' });
  const [job] = context.jobs(1);
  const error = await bus.jobs.send(job!).then(
    () => context.expect.fail('it was sent through a proxy that refuses'),
    (reason: unknown) => reason,
  );
  return [inspect(error, { depth: 8, showHidden: true })];
}
