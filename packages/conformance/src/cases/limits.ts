import { bytes, type Kind, queue, RetryLater, stream, topic, type } from '@waybill/core';
import type { Limits } from '@waybill/core/driver';
import type { Case, Facts } from '../case.ts';
import type { Context } from '../context.ts';
import type { Inbox, Job } from '../inbox.ts';
import { notDeclared } from '../words.ts';
import { caseOf } from './define.ts';
import { atOnce, jobQueue, jobTopic } from './destinations.ts';

const kinds = ['queue', 'topic', 'stream'] as const;
const define = caseOf({ requires: {}, kind: 'capability' });

const limit = (
  kind: Kind,
  name: keyof Limits,
  title: string,
  run: (context: Context) => Promise<void>,
  more: Partial<Case> = {},
): Case =>
  define({
    id: `N08:${kind}.${name}`,
    title,
    proves: [`${kind}.limits.${name}`],
    ...more,
    requires: { kind, able: ({ capabilities }: Facts) => notDeclared(capabilities, `${kind}.limits.${name}`) },
    run,
  });

/** N08: at a limit it works, one above it is refused before anything is sent. */
export const limits: readonly Case[] = [
  ...kinds.flatMap((kind) => [
    limit(
      kind,
      'maxBytes',
      `${kind}: a message of the largest size arrives, one byte more is too-large and is not sent`,
      (context) => largest(context, kind),
      { company: 'alone', timeoutMs: 90_000 },
    ),
    limit(
      kind,
      'maxBatch',
      `${kind}: more messages than one call may hold arrive, in calls that hold no more`,
      (context) => largestBatch(context, kind),
      { timeoutMs: 60_000 },
    ),
  ]),
  limit(
    'queue',
    'maxDelayMs',
    'queue: the longest delay is accepted, a longer one is refused before it is sent',
    longestDelay,
  ),
  limit(
    'topic',
    'maxDelayMs',
    'topic: the longest delay is accepted, a longer one is refused before it is sent',
    longestDelay,
  ),
  limit('queue', 'maxReleaseDelayMs', 'queue: the longest release is left to the broker', longestRelease),
  limit('topic', 'maxReleaseDelayMs', 'topic: the longest release is left to the broker', longestRelease),
];

function limitsOf(context: Context, kind: Kind): Limits {
  const channel = context.capabilities[kind];
  if (channel === 'none') throw new Error(`this broker has no ${kind}s`);
  return channel.limits;
}

/** One way to send and to receive, whatever the kind. */
async function openAny<T>(
  context: Context,
  kind: Kind,
  options: { readonly schema: ReturnType<typeof type<T>>; readonly codec?: typeof bytes },
  seen: (value: T) => unknown,
) {
  const common = { retry: atOnce, ...options };
  if (kind === 'queue') {
    const bus = await context.connect({ it: queue(context.name(), common) });
    await bus.it.consume(seen);
    return { send: (value: T) => bus.it.send(value), sendMany: (values: readonly T[]) => bus.it.sendMany(values) };
  }
  if (kind === 'topic') {
    const bus = await context.connect({ it: topic(context.name(), common) });
    await bus.it.subscribe(seen);
    return {
      send: (value: T) => bus.it.publish(value),
      sendMany: (values: readonly T[]) => bus.it.publishMany(values),
    };
  }
  const bus = await context.connect({ it: stream(context.name(), common) });
  const reader = bus.it.read();
  const reading = (async () => {
    for await (const { value } of reader) seen(value);
  })();
  context.defer('the reader', async () => {
    await reader.close();
    await reading;
  });
  return { send: (value: T) => bus.it.append(value), sendMany: (values: readonly T[]) => bus.it.appendMany(values) };
}

async function largest(context: Context, kind: Kind): Promise<void> {
  const { maxBytes } = limitsOf(context, kind);
  const seen: number[] = [];
  const it = await openAny(context, kind, { schema: type<Uint8Array>(), codec: bytes }, (value) => {
    context.saw(1);
    seen.push(value.byteLength);
  });
  const error = await context.expect.rejects(
    Promise.resolve(it.send(new Uint8Array(maxBytes + 1))),
    'too-large',
    'one byte more than the limit',
  );
  context.expect.match(error.message, new RegExp(String(maxBytes)), 'the limit is named');
  context.expect.equal(context.traffic.sent, 0, 'messages that went to the driver');
  await it.send(new Uint8Array(maxBytes).fill(7));
  await context.until('the largest message', () => seen.length > 0, 60_000);
  await context.quiet();
  context.expect.deepEqual(seen, [maxBytes], 'sizes that arrived');
}

async function largestBatch(context: Context, kind: Kind): Promise<void> {
  const { maxBatch } = limitsOf(context, kind);
  const count = Math.min(maxBatch + 1, 10_000);
  const ids: string[] = [];
  const it = await openAny(context, kind, { schema: type<Job>() }, ({ id }) => {
    context.saw(1);
    ids.push(id);
  });
  const jobs = context.jobs(count);
  await it.sendMany(jobs);
  await context.until(`${count} messages`, () => ids.length >= count, 30_000);
  await context.quiet();
  context.expect.sameMembers(
    ids,
    jobs.map(({ id }) => id),
    'what arrived',
  );
  context.expect.between(context.traffic.largestBatch, 1, maxBatch, 'the largest call');
}

async function longestDelay(context: Context): Promise<void> {
  const kind = context.id.includes('queue') ? 'queue' : 'topic';
  const { maxDelayMs } = limitsOf(context, kind);
  const [job] = context.jobs(1);
  const inbox = context.inbox();
  const send = await openDelayed(context, kind, inbox);
  await context.expect.rejects(send(job!, maxDelayMs + 1), 'invalid', 'one millisecond more than the longest delay');
  context.expect.equal(context.traffic.sent, 0, 'messages that went to the driver');
  await send(job!, maxDelayMs);
  await inbox.staysAt(0, 'what came before it is due');
}

async function openDelayed(
  context: Context,
  kind: 'queue' | 'topic',
  { handler }: Inbox<Job>,
): Promise<(job: Job, delayMs: number) => Promise<void>> {
  const options = { schema: type<Job>(), needs: { delay: 'native' }, retry: atOnce } as const;
  if (kind === 'queue') {
    const bus = await context.connect({ it: queue(context.name(), options) });
    await bus.it.consume(handler);
    return (job, delayMs) => bus.it.send(job, { delayMs });
  }
  const bus = await context.connect({ it: topic(context.name(), options) });
  await bus.it.subscribe(handler);
  return (job, delayMs) => bus.it.publish(job, { delayMs });
}

async function longestRelease(context: Context): Promise<void> {
  const kind = context.id.includes('queue') ? 'queue' : 'topic';
  const { maxReleaseDelayMs } = limitsOf(context, kind);
  const inbox = context.inbox({
    handle: () => {
      throw new RetryLater(maxReleaseDelayMs);
    },
  });
  const [job] = context.jobs(1);
  if (kind === 'queue') {
    const bus = await context.connect({ it: jobQueue(context) });
    await bus.it.consume(inbox.handler);
    await bus.it.send(job!);
  } else {
    const bus = await context.connect({ it: jobTopic(context) });
    await bus.it.subscribe(inbox.handler);
    await bus.it.publish(job!);
  }
  const retries = () => context.events.filter((event) => event.type === 'retry');
  await context.until('the retry', () => retries().length > 0);
  context.expect.deepEqual(
    retries().map(({ via, delayMs }) => ({ via, delayMs })),
    [{ via: 'release', delayMs: maxReleaseDelayMs }],
    'the retry',
  );
  await inbox.staysAt(1, 'runs before it is due');
}
