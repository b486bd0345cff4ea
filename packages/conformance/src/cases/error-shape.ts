import { connect, errorCodes, queue, WaybillError } from '@waybill/core';
import type { Sent } from '@waybill/core/driver';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import { caseOf } from './define.ts';
import { jobQueue } from './destinations.ts';
import { interposed } from './interposed.ts';

const define = caseOf({ requires: { kind: 'queue' } });

/** E05, E06, E14: what an error says, and what core does about it. */
export const errorShape: readonly Case[] = [
  define({
    id: 'E05',
    title: 'every error has a known code, the broker, an outcome, whether to retry, its cause, and a sentence',
    run: shapes,
  }),
  define({
    id: 'E06',
    title: 'each failure of a send is tried again, refused or left unknown as the table of codes says',
    run: classes,
  }),
  define({
    id: 'E14',
    title: 'no error tells a password, not in its text, its stack, its causes or its fields',
    traffic: 'none',
    run: secrets,
  }),
];

async function shapes(context: Context): Promise<void> {
  const lost = new RangeError('the driver lost its way');
  let isBroken = false;
  const broken = interposed(await context.driver(), {
    send: (send) => (isBroken ? Promise.reject(lost) : send()),
  });
  const bus = await context.connect(
    { jobs: jobQueue(context) },
    { driver: broken.driver, sendTimeoutMs: 1000, resend: 'never' },
  );
  const [job, other] = context.jobs(2);
  await bus.jobs.send(job!);
  context.saw(1);
  const invalid = await failure(() => bus.jobs.send(other!, { id: '' }));
  isBroken = true;
  const thrown = await failure(() => bus.jobs.send(other!));
  isBroken = false;
  await broken.cut();
  const away = await failure(() => bus.jobs.send(other!));
  const asked = await failure(() => bus.ping({ signal: AbortSignal.timeout(500) }));
  broken.mend();
  await bus.close();
  const closed = await failure(() => bus.jobs.send(other!));
  for (const error of [invalid, thrown, away, asked, closed]) wellFormed(context, error);
  context.expect.equal(invalid.code, 'invalid', 'a bad id');
  context.expect.equal(thrown.code, 'unknown-outcome', 'a driver that threw with the message in its hands');
  context.expect.equal(causeIn(thrown, lost), true, 'the cause of what a driver threw is kept');
  context.expect.ok(
    ['unavailable', 'timeout'].includes(away.code),
    `a broker that is away is unavailable, not ${away.code}`,
  );
  context.expect.equal(away.outcome, 'rejected', 'what never left is certainly not stored');
  context.expect.equal(closed.code, 'closed', 'a bus that is closed');
  for (const error of [thrown, away, asked])
    context.expect.equal(error.broker, (await context.driver()).name, `the broker of: ${error.message}`);
}

function wellFormed({ expect }: Context, error: WaybillError): void {
  const row = errorCodes[error.code];
  expect.ok(row !== undefined, `the code ${error.code} is in the table`);
  expect.equal(error.retryable, row.retryable, `${error.code}: retryable as in the table`);
  expect.equal(error.outcome, error.code === 'unknown-outcome' ? 'unknown' : 'rejected', `${error.code}: the outcome`);
  expect.ok(
    error instanceof Error && error.name === 'WaybillError',
    `${error.code}: an Error by the name of WaybillError`,
  );
  expect.ok(
    error.message.length > 10 && !/undefined|\[object/.test(error.message),
    `${error.code}: a sentence, not ${error.message}`,
  );
  expect.ok(Array.isArray(error.failures), `${error.code}: failures is an array`);
}

async function failure(call: () => unknown): Promise<WaybillError> {
  try {
    await call();
  } catch (error) {
    if (WaybillError.is(error)) return error;
    throw new Error(`this is no WaybillError: ${String(error)}`, { cause: error });
  }
  throw new Error('this resolved, and had to fail');
}

function causeIn(error: unknown, wanted: unknown): boolean {
  for (let one: unknown = error; one instanceof Error; one = one.cause) if (one === wanted) return true;
  return false;
}

/** What the driver answers to the first try, and what must come of it. */
const answers = [
  { outcome: 'rejected', code: 'unavailable', resend: 'safe', comes: 'stored', tries: 2 },
  { outcome: 'rejected', code: 'overloaded', resend: 'safe', comes: 'stored', tries: 2 },
  { outcome: 'rejected', code: 'rejected', resend: 'safe', comes: 'rejected', tries: 1 },
  { outcome: 'rejected', code: 'denied', resend: 'safe', comes: 'denied', tries: 1 },
  { outcome: 'rejected', code: 'too-large', resend: 'safe', comes: 'too-large', tries: 1 },
  { outcome: 'rejected', code: 'unroutable', resend: 'always', comes: 'unroutable', tries: 1 },
  { outcome: 'unknown', code: 'unavailable', resend: 'safe', comes: 'unknown-outcome', tries: 1 },
  { outcome: 'unknown', code: 'unavailable', resend: 'always', comes: 'stored', tries: 2 },
  { outcome: 'rejected', code: 'unavailable', resend: 'never', comes: 'unavailable', tries: 1 },
] as const;

async function classes(context: Context): Promise<void> {
  const jobs = context.jobs(answers.length);
  const inbox = context.inbox();
  const reader = await context.connect({ jobs: jobQueue(context) });
  await reader.jobs.consume(inbox.handler);
  for (const [index, { outcome, code, resend, comes, tries }] of answers.entries()) {
    let tried = 0;
    const { driver } = interposed(await context.driver(), {
      send(send): Promise<Sent> {
        tried += 1;
        if (tried > 1) return send();
        return Promise.resolve({
          unsent: [{ index: 0, outcome, error: new WaybillError(code, 'as the case wants it') }],
        });
      },
    });
    const bus = await context.connect({ jobs: jobQueue(context) }, { driver, resend, sendTimeoutMs: 5000 });
    const came = await bus.jobs.send(jobs[index]!).then(
      () => 'stored',
      (error: WaybillError) => error.code,
    );
    const what = `${outcome} with ${code}, resend ${resend}`;
    context.expect.equal(came, comes, `${what}: what comes of it`);
    context.expect.equal(tried, tries, `${what}: tries`);
    await bus.close();
  }
  await inbox.complete(
    jobs.filter((_, index) => answers[index]!.comes === 'stored'),
    'what was stored, and nothing else',
  );
}

/** Whatever the driver under test is, its URL form is what people put passwords into. */
async function secrets(context: Context): Promise<void> {
  const secret = 'S3cr3t-of-the-case';
  const urls = [
    `amqp://user:${secret}@127.0.0.1:1/`,
    `amqp://user:${secret}@host.invalid:5672/`,
    `nosuch://user:${secret}@127.0.0.1/`,
    `user:${secret}@127.0.0.1`,
    `//user:${secret}@127.0.0.1`,
    `amqp://user:${secret}@127.0.0.1:99999/`,
    `amqp://user:${secret}@127.0.0.1:1/?heartbeat=x&nosuch=1`,
  ];
  for (const url of urls) {
    const error = await failure(() =>
      connect(url, { jobs: queue(context.name()) }, { connectTimeoutMs: 300, observe: () => undefined }),
    );
    context.expect.ok(
      !everything(error).includes(secret),
      `the password is in what ${url.replace(secret, '***')} rejects with: ${error.message.replace(secret, '<HERE>')}`,
    );
  }
}

/** All that a logger could print of it. */
function everything(error: unknown): string {
  const parts: string[] = [];
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    parts.push(
      String(one),
      one.stack ?? '',
      JSON.stringify(one, Object.getOwnPropertyNames(one)),
      ...Object.values(one).map(String),
    );
  }
  return parts.join('\n');
}
