import { type Kind, type Needs, queue, stream, topic, type } from '@waybill/core';
import { proveRefusal } from '../applies.ts';
import type { Case, Facts } from '../case.ts';
import type { Context } from '../context.ts';
import { destinationOf } from '../destination-of.ts';
import type { Job } from '../inbox.ts';
import { valueAt } from '../words.ts';
import { isExact } from './channel.ts';
import { caseOf } from './define.ts';
import { jobQueue, jobStream, jobTopic } from './destinations.ts';
import { readAll } from './take.ts';

const define = caseOf({ requires: {}, kind: 'refusal' });

/** What can be asked for by name, for each kind. */
const options: Readonly<Record<Kind, readonly (keyof Needs)[]>> = {
  queue: ['delay', 'ttl', 'priority', 'dedup', 'deadLetter'],
  topic: ['delay', 'ttl', 'dedup', 'deadLetter', 'pattern', 'filter'],
  stream: ['dedup', 'group'],
};
const guarantees: readonly (readonly [keyof Needs, string])[] = [
  ['delivery', 'at-least-once'],
  ['delivery', 'exactly-once'],
  ['order', 'key'],
  ['order', 'total'],
];
const kinds: readonly Kind[] = ['queue', 'topic', 'stream'];

/** What is no value of its own in the broker: `plain` dead letters lose the cause. */
const isDeclared = (value: string): boolean => value !== 'none' && value !== 'plain';

/** N03: what the broker does not do by itself is refused where it is asked to. */
function unsupportedOption(kind: Kind, need: keyof Needs): Case {
  const name = `${kind}.${need}`;
  return define({
    id: `N03:${name}`,
    title: `a broker without ${need} of its own for ${kind}s refuses it, by name and before anything is sent`,
    proves: [`${name}=none`, ...(need === 'deadLetter' ? [`${name}=plain`] : [])],
    requires: { kind, able: ({ capabilities }) => declaredAs(valueAt(capabilities, name)) },
    run: (context) => refusedThenFenced(context, kind, { [need]: 'native' }),
  });
}
const declaredAs = (value: string | undefined): string | undefined =>
  value !== undefined && isDeclared(value) ? `declared (${value}); N06 proves that it has it` : undefined;

/** N04: a guarantee above what is declared is refused when the bus is opened. */
function unsupportedGuarantee(kind: Kind, [need, wanted]: (typeof guarantees)[number]): Case {
  const name = `${kind}.${need}`;
  return define({
    id: `N04:${name}=${wanted}`,
    title: `a ${kind} that needs ${need} ${wanted} is refused where it cannot be given`,
    ...(need === 'order' && { proves: wanted === 'total' ? [`${name}=none`, `${name}=key`] : [`${name}=none`] }),
    ...(need === 'delivery' && wanted === 'at-least-once' && { proves: [`${name}=at-most-once`] }),
    requires: { kind, able: ({ capabilities }) => givenBy(capabilities, kind, name, wanted) },
    run: (context) => refusedThenFenced(context, kind, { [need]: wanted }),
  });
}
const ranks: readonly string[] = ['none', 'key', 'total', 'at-most-once', 'at-least-once', 'exactly-once'];
function givenBy(capabilities: Facts['capabilities'], kind: Kind, name: string, wanted: string): string | undefined {
  const channel = capabilities[kind];
  if (wanted === 'exactly-once' && channel !== 'none' && isExact(capabilities, channel.style))
    return 'declared (atomic position-and-send); G21 to G24 prove that it keeps it';
  const has = valueAt(capabilities, name);
  return has !== undefined && ranks.indexOf(has) >= ranks.indexOf(wanted)
    ? `declared (${has}); N06 proves that it keeps it`
    : undefined;
}

/** N03: a kind that the broker does not have. */
const missingKind = (kind: Kind): Case =>
  define({
    id: `N03:${kind}`,
    title: `a broker without ${kind}s refuses them, by name and with a way out`,
    proves: [`${kind}=none`],
    traffic: 'none',
    requires: { able: ({ capabilities }) => (capabilities[kind] === 'none' ? undefined : `this broker has ${kind}s`) },
    async run(context) {
      const verdict = await proveRefusal(() => context.driver(), destinationOf(kind, context.name(), {}));
      context.expect.equal(verdict?.state, 'refused', `asking for a ${kind}: ${verdict?.reason ?? 'it was accepted'}`);
    },
  });

/** The refusal, and then a message through the same broker that finds nothing left behind by it. */
async function refusedThenFenced(context: Context, kind: Kind, needs: Needs): Promise<void> {
  const destination = destinationOf(kind, context.name(), needs);
  const verdict = await proveRefusal(() => context.driver(), destination);
  context.expect.equal(
    verdict?.state,
    'refused',
    `asking for ${JSON.stringify(needs)}: ${verdict?.reason ?? 'it was accepted'}`,
  );
  context.evidence('refused with', verdict!.reason);
  context.expect.equal(context.traffic.sent, 0, 'messages sent before the refusal');
  context.expect.equal(context.traffic.declared.length, 0, 'places made before the refusal');
  await fence(context, kind);
}

async function fence(context: Context, kind: Kind): Promise<void> {
  const [marker] = context.jobs(1, 'marker');
  const inbox = context.inbox();
  if (kind === 'queue') {
    const bus = await context.connect({ it: queue(context.name(), { schema: type<Job>() }) });
    await bus.it.consume(inbox.handler);
    await bus.it.send(marker!);
  } else if (kind === 'topic') {
    const bus = await context.connect({ it: topic(context.name(), { schema: type<Job>() }) });
    await bus.it.subscribe(inbox.handler);
    await bus.it.publish(marker!);
  } else {
    const bus = await context.connect({ it: stream(context.name(), { schema: type<Job>() }) });
    await bus.it.append(marker!);
    const records = await readAll(context, bus.it.read({ limit: 1 }));
    return context.expect.sameMembers(
      records.map(({ value }) => value.id),
      [marker!.id],
      'only the marker is there',
    );
  }
  await inbox.complete([marker!], 'only the marker is there');
}

/** N04, pairs: what excludes each other on one destination is refused together, and fine apart. */
const exclusions = (kind: Kind): Case =>
  define({
    id: `N04:${kind}.excludes`,
    title: `needs that exclude each other on one ${kind} are refused together`,
    requires: { kind, able: ({ capabilities }) => noExclusions(capabilities, kind) },
    proves: [`${kind}.excludes`],
    traffic: 'none',
    async run(context) {
      const channel = context.capabilities[kind];
      if (channel === 'none') return;
      for (const pair of channel.excludes) {
        const needs = Object.fromEntries(pair.map((axis) => [axis, axis === 'order' ? 'total' : true])) as Needs;
        const verdict = await proveRefusal(
          () => context.driver(),
          destinationOf(kind, context.name(pair.join('-')), needs),
        );
        context.expect.equal(
          verdict?.state,
          'refused',
          `${pair.join(' with ')}: ${verdict?.reason ?? 'it was accepted'}`,
        );
      }
    },
  });
const noExclusions = (capabilities: Facts['capabilities'], kind: Kind): string | undefined => {
  const channel = capabilities[kind];
  return channel !== 'none' && channel.excludes.length === 0 ? 'nothing excludes anything here' : undefined;
};

/** N03: an option whose need was not asked for is refused, whether the broker could or not. */
const unaskedOptions = define({
  id: 'N03:unasked',
  title: 'delay, time to live and priority are refused on a queue that did not ask for them',
  requires: { kind: 'queue' },
  async run(context) {
    const bus = await context.connect({ jobs: jobQueue(context) });
    const [job, marker] = context.jobs(2);
    for (const option of ['delayMs', 'ttlMs', 'priority']) {
      const error = await context.expect.rejects(
        bus.jobs.send(job!, { [option]: 5 }),
        'invalid',
        `sending with ${option}`,
      );
      context.expect.match(error.message, /needs: \{/, 'the way out');
    }
    context.expect.equal(context.traffic.sent, 0, 'messages that went to the driver');
    const inbox = context.inbox();
    await bus.jobs.consume(inbox.handler);
    await bus.jobs.send(marker!);
    await inbox.complete([marker!], 'only the marker');
  },
});

/** N05: a method that this broker cannot serve exists, and rejects. */
const method = (
  name: string,
  title: string,
  kind: Kind,
  word: string,
  isMissing: (value: string) => boolean,
  call: (context: Context) => Promise<unknown>,
): Case =>
  define({
    id: `N05:${name}`,
    title,
    proves: word.includes('=') ? [word] : [],
    traffic: 'none',
    requires: { kind, able: ({ capabilities }) => hasIt(valueAt(capabilities, word.split('=')[0]!), isMissing) },
    async run(context) {
      const error = await context.expect.rejects(call(context), 'unsupported', title);
      context.expect.match(error.message, new RegExp(error.broker ?? 'no broker is named'), 'the broker');
    },
  });
const hasIt = (value: string | undefined, isMissing: (value: string) => boolean): string | undefined =>
  value === undefined || isMissing(value) ? undefined : `this broker can (${value}); its own cases prove it`;

const isNone = (value: string): boolean => value === 'none';
const first = async (records: AsyncIterable<unknown>): Promise<unknown> => records[Symbol.asyncIterator]().next();

const methods: readonly Case[] = [
  method(
    'queue.depth',
    'depth rejects on a broker that tells nothing',
    'queue',
    'admin=none',
    isNone,
    async (context) => (await context.connect({ it: jobQueue(context) })).it.depth(),
  ),
  method(
    'queue.purge',
    'purge rejects on a broker that cannot',
    'queue',
    'admin=inspect',
    (value) => value !== 'manage',
    async (context) => (await context.connect({ it: jobQueue(context) })).it.purge(),
  ),
  method(
    'topic.subscription',
    'a durable subscription rejects where there are none',
    'topic',
    'topic.durable=none',
    isNone,
    async (context) =>
      (await context.connect({ it: jobTopic(context) })).it.subscribe(() => undefined, { subscription: 'kept' }),
  ),
  method(
    'stream.consume',
    'consuming in a group rejects where the broker keeps no positions',
    'stream',
    'stream.group=none',
    isNone,
    async (context) => (await context.connect({ it: jobStream(context) })).it.consume(() => undefined, { group: 'g' }),
  ),
  method(
    'stream.timestamp',
    'reading from a time rejects where it cannot be found',
    'stream',
    'stream.seek',
    (value) => value !== 'timestamp',
    async (context) =>
      first((await context.connect({ it: jobStream(context) })).it.read({ from: { timestamp: Date.now() } })),
  ),
  method(
    'stream.position',
    'reading after a position rejects where it cannot be found',
    'stream',
    'stream.seek',
    (value) => value === 'none' || value === 'ends',
    async (context) =>
      first(
        (await context.connect({ it: jobStream(context) })).it.read({
          from: { after: { '': '1' }, otherwise: 'earliest' },
        }),
      ),
  ),
  method(
    'stream.latest',
    'reading from an end rejects where it cannot be found',
    'stream',
    'stream.seek=none',
    isNone,
    async (context) => first((await context.connect({ it: jobStream(context) })).it.read({ from: 'latest' })),
  ),
];

/** N03 to N05, one case for each thing that can be asked for: with a broker that has it, its refusal does not apply. */
export const refusals: readonly Case[] = [
  ...kinds.map(missingKind),
  ...kinds.flatMap((kind) => options[kind].map((need) => unsupportedOption(kind, need))),
  unaskedOptions,
  ...kinds.flatMap((kind) => guarantees.map((one) => unsupportedGuarantee(kind, one))),
  ...kinds.map(exclusions),
  ...methods,
];
