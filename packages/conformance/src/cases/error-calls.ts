import { queue, type, WaybillError } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { caseOf } from './define.ts';
import { jobQueue, jobStream, jobTopic } from './destinations.ts';
import { openSurface } from './lifecycle-surface.ts';
import { tripsOf } from './payload-trip.ts';

const define = caseOf({ requires: {} });

/** E04, E11 to E13: a call that can never work is refused at once, with nothing sent and nothing opened. */
export const errorCalls: readonly Case[] = [
  define({
    id: 'E04',
    title: 'every method of the bus and of every handle refuses arguments of the wrong type, and does nothing',
    traffic: 'none',
    run: wrongArguments,
  }),
  define({
    id: 'E11',
    title: 'an option that does not exist is refused everywhere, with the one that was probably meant',
    traffic: 'none',
    run: unknownOptions,
  }),
  define({
    id: 'E12',
    title: 'native gives the connection of the client library, and refuses a destination that it does not know',
    traffic: 'none',
    run: native,
  }),
  define({
    id: 'E13',
    title: 'a signal that is aborted already ends every call before it does anything',
    run: preAborted,
  }),
];

const noop = (): void => undefined;
const noHandler: readonly unknown[][] = [[], [null], ['handler'], [{}], [5]];
const badOptions: readonly unknown[] = [null, 5, 'options', [], new Map(), noop];
const badFields: readonly unknown[] = [
  { concurrency: 0 },
  { concurrency: '4' },
  { concurrency: 1.5 },
  { maxInFlight: -1 },
  { handlerTimeoutMs: 'soon' },
  { handlerTimeoutMs: Number.NaN },
  { leaseMs: 30 },
  { drainMs: -1 },
  { drainMs: Infinity },
  { middleware: noop },
  { middleware: [5] },
  { signal: {} },
  { concurrency: 8, maxInFlight: 4 },
];
const badBatch: readonly unknown[] = [{ maxMessages: 0 }, { maxMessages: '5' }, { maxWaitMs: -1 }];
const badSending: readonly unknown[] = [
  ...badOptions,
  { id: '' },
  { id: 5 },
  { id: 'with space' },
  { headers: [] },
  { headers: 'a' },
  { headers: { a: 5 } },
  { key: 5 },
  { correlationId: 5 },
  { replyTo: '' },
  { signal: 'x' },
  { signal: new EventTarget() },
];
const badHeld: readonly unknown[] = [
  { delayMs: -1 },
  { delayMs: '5' },
  { ttlMs: 0 },
  { priority: 10 },
  { priority: 1.5 },
];

const value = { id: 'x', n: 1 };
const sending = (more: readonly unknown[]): unknown[][] => [...badSending, ...more].map((options) => [value, options]);
const sendingMany = (more: readonly unknown[]): unknown[][] => [
  ...[undefined, null, 5, 'ab', {}, new Set([value]), noop].map((values) => [values]),
  ...[...badSending, ...more, { id: 'one for many' }].map((options) => [[value], options]),
];
const handling = (more: readonly unknown[], common: object = {}): unknown[][] => [
  ...noHandler.map((given) => [...given]),
  ...[...badOptions, ...[...badFields, ...more].map((fields) => ({ ...common, ...(fields as object) }))].map(
    (options) => [noop, options],
  ),
];
const receiving = (more: readonly unknown[]): unknown[][] =>
  [...badOptions, ...badFields, ...more].map((options) => [options]);
const badSubscribing: readonly unknown[] = [
  { subscription: '' },
  { subscription: 5 },
  { pattern: 5 },
  { pattern: '' },
  { headers: 5 },
  { headers: [] },
];
const group = { group: 'g' };
const badGroup: readonly unknown[] = [{ group: '' }, { group: 5 }, { from: 'middle' }, { from: 5 }, { from: {} }];
const depth = [[null], [5], ['ready'], [{ queue: 'x' }]];

/** What no method can take, by surface and method. `undefined` for those that take nothing. */
const wrong: Readonly<Record<string, Readonly<Record<string, readonly (readonly unknown[])[] | undefined>>>> = {
  bus: {
    attach: [
      [],
      [null],
      ['jobs'],
      [{}],
      [{ kind: 'queue', name: 'x' }],
      [{ kind: 'pile', name: 'x', needs: {}, options: {} }],
    ],
    ping: [[null], [5], [{ signal: 'x' }], [{ timeoutMs: 5 }]],
    native: [[], [null], ['no such destination'], [5]],
    flush: undefined,
    close: undefined,
  },
  queue: {
    depth: undefined,
    send: sending(badHeld),
    sendMany: sendingMany(badHeld),
    consume: handling([]),
    consumeBatch: handling(badBatch),
    receive: receiving([]),
    redrive: [[null], [5], [{ limit: 0 }], [{ limit: '5' }], [{ idleMs: 1 }]],
    purge: undefined,
  },
  topic: {
    depth,
    publish: sending([...badHeld, { routingKey: 5 }]),
    publishMany: sendingMany([...badHeld, { routingKey: 5 }]),
    subscribe: handling(badSubscribing),
    subscribeBatch: handling([...badSubscribing, ...badBatch]),
    receive: receiving(badSubscribing),
  },
  stream: {
    depth,
    append: sending([]),
    appendMany: sendingMany([]),
    read: [
      ...badOptions,
      { from: 'middle' },
      { from: 5 },
      { limit: 0 },
      { until: 5 },
      { until: {} },
      { idleMs: 'x' },
      { prefetch: 0 },
      { signal: {} },
    ].map((options) => [options]),
    consume: [[noop], ...handling(badGroup, group)],
    consumeBatch: [[noop], ...handling([...badGroup, ...badBatch], group)],
  },
};

async function wrongArguments(context: Context): Promise<void> {
  const { surfaces } = await openSurface(context);
  const before = JSON.stringify(counts(context));
  let calls = 0;
  const passed: string[] = [];
  for (const { name, methods } of surfaces) {
    context.expect.sameMembers(
      Object.keys(methods),
      Object.keys(wrong[name]!),
      `the methods of a ${name}: this case knows what is wrong for each`,
    );
    const wrongCalls = Object.entries(methods).flatMap(([method, call]) =>
      (wrong[name]![method] ?? []).map((given) => ({ method, call, given })),
    );
    for (const { method, call, given } of wrongCalls) {
      calls += 1;
      const outcome = await outcomeOf(() => call(...given));
      if (outcome !== 'invalid' && !(outcome === 'unsupported' && isRefused(context, name, method)))
        passed.push(`${name}.${method}(${given.map(told).join(', ')}): ${outcome}`);
    }
  }
  context.evidence('wrong calls', calls);
  context.expect.deepEqual(passed, [], 'calls that were not refused as invalid');
  context.expect.equal(JSON.stringify(counts(context)), before, 'what was sent, opened and made');
}

/** A method that this broker cannot serve at all may say that first; N05 proves that it does. */
const isRefused = ({ capabilities: { stream } }: Context, name: string, method: string): boolean =>
  name === 'stream' && method.startsWith('consume') && stream !== 'none' && stream.group === 'none';

const counts = ({ traffic: { sent, receivers, declared } }: Context): unknown => ({
  sent,
  receivers,
  declared: declared.length,
});

async function outcomeOf(call: () => unknown): Promise<string> {
  try {
    const result = await call();
    return typeof result === 'object' && result !== null && 'close' in result ? 'opened' : 'accepted';
  } catch (error) {
    return WaybillError.is(error) ? error.code : `no WaybillError: ${String(error)}`;
  }
}
const told = (given: unknown): string =>
  typeof given === 'function'
    ? 'function'
    : typeof given === 'object' && given !== null && Object.keys(given).length === 0
      ? `${given.constructor.name} {}`
      : (JSON.stringify(given) ?? String(given));

async function unknownOptions(context: Context): Promise<void> {
  const name = context.name('jobs');
  const schema = type<Job>();
  const refused = async (work: () => unknown, meant: string): Promise<void> => {
    const { message } = await context.expect.rejects(work, 'invalid', `with a misspelled ${meant}`);
    context.expect.match(message, new RegExp(`"${meant}"`), 'what was probably meant');
  };
  const loosely = (options: object): {} => options;
  await refused(() => queue(name, { schema, ...loosely({ shema: schema }) }), 'schema');
  await refused(() => queue(name, { schema, needs: loosely({ dely: true }) }), 'delay');
  await refused(() => queue(name, { schema, retry: loosely({ atempts: 3 }) }), 'attempts');
  await refused(() => context.connect({}, loosely({ sendTimeoutMS: 5000 })), 'sendTimeoutMs');
  const { surfaces } = await openSurface(context);
  const callOf = (surface: string, method: string) => surfaces.find((one) => one.name === surface)?.methods[method];
  const calls = [
    ['queue', 'send', [value, { header: {} }], 'headers'],
    ['queue', 'consume', [noop, { concurency: 4 }], 'concurrency'],
    ['queue', 'redrive', [{ limits: 4 }], 'limit'],
    ['topic', 'publish', [value, { routingkey: 'a' }], 'routingKey'],
    ['topic', 'subscribe', [noop, { subscripton: 'a' }], 'subscription'],
    ['stream', 'append', [value, { keys: 'a' }], 'key'],
    ['stream', 'read', [{ idleMS: 500 }], 'idleMs'],
  ] as const;
  for (const [surface, method, given, meant] of calls) {
    const call = callOf(surface, method);
    if (call) await refused(() => call(...given), meant);
  }
  context.expect.equal(context.traffic.sent + context.traffic.receivers, 0, 'what was sent and opened');
}

async function native(context: Context): Promise<void> {
  const { queue, topic } = context.capabilities;
  const jobs = queue !== 'none' ? jobQueue(context) : topic !== 'none' ? jobTopic(context) : jobStream(context);
  const bus = await context.connect({ jobs });
  const link = await context.link();
  // Compared here: what a client library calls a connection is not to be printed.
  context.expect.equal(typeof bus.native('jobs'), typeof link.native, 'what native gives is what the driver has');
  context.expect.ok(Object.is(bus.native('jobs'), bus.native('jobs')), 'one connection is one object');
  await context.expect.rejects(
    () => bus.native('others'),
    'invalid',
    'native of a destination that this bus does not have',
  );
  await context.expect.rejects(() => bus.native('constructor'), 'invalid', 'native of a name that every object has');
}

async function preAborted(context: Context): Promise<void> {
  const signal = AbortSignal.abort(new Error('too late'));
  const { bus, surfaces } = await openSurface(context);
  const [job, marker] = context.jobs(2);
  const before = JSON.stringify(counts(context));
  for (const { name, methods } of surfaces) {
    for (const method of ['send', 'publish', 'append'].filter((one) => one in methods)) {
      const error = await context.expect.rejects(
        () => methods[method]!(job, { signal }),
        'aborted',
        `${name}.${method} with an aborted signal`,
      );
      context.expect.equal(error.outcome, 'rejected', `${name}.${method}: the outcome`);
      await context.expect.rejects(
        () => methods[`${method}Many`]!([job], { signal }),
        'aborted',
        `${name}.${method}Many with an aborted signal`,
      );
    }
  }
  await context.expect.rejects(() => bus.ping({ signal }), ['aborted', 'timeout'], 'ping with an aborted signal');
  context.expect.equal(JSON.stringify(counts(context)), before, 'what was sent, opened and made');
  for (const { send, gets } of await tripsOf(context, { schema: type<Job>(), part: 'marker' })) {
    await send(marker!);
    await gets(1);
  }
}
