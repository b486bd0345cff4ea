import { expect, it } from 'vitest';
import { queue, stream, topic, type } from '../../src/index.ts';
import { bench } from '../support.ts';
import { judged } from './judge.ts';

const jobs = queue('jobs', { schema: type<unknown>() });
const ticks = queue('ticks', { schema: type<unknown>(), needs: { delivery: 'at-most-once' } });
const news = topic('news', { schema: type<unknown>() });
const log = stream('log', { schema: type<unknown>(), needs: { group: true, seek: 'timestamp' } });
const nothing = (): void => {};

it('handlers and options', async () => {
  const { bus } = await bench({ jobs, ticks, news, log });
  const withOptions =
    (options: unknown): (() => unknown) =>
    () =>
      bus.jobs.consume(nothing, options as never);
  expect(
    await judged({
      'no handler': () => (bus.jobs.consume as () => unknown)(),
      'a handler that is an object': () => bus.jobs.consume({ handle: nothing } as never),
      'options instead of a handler': () => bus.jobs.consume({ concurrency: 5 } as never),
      null: withOptions(null),
      'an unknown option': withOptions({ prefetch: 5 }),
      'a near miss': withOptions({ concurency: 5 }),
      'no concurrency': withOptions({ concurrency: 0 }),
      'concurrency without end': withOptions({ concurrency: Infinity }),
      'fewer in flight than at once': withOptions({ concurrency: 10, maxInFlight: 5 }),
      'a lease in seconds': withOptions({ leaseMs: 30 }),
      'a handler timeout in seconds': withOptions({ handlerTimeoutMs: 5 }),
      'a drain below 0': withOptions({ drainMs: -1 }),
      'a signal that is none': withOptions({ signal: {} }),
      'middleware that is none': withOptions({ middleware: [5] }),
      'batch options without a batch': withOptions({ maxMessages: 5 }),
      'a batch of nothing': () => bus.jobs.consumeBatch(nothing, { maxMessages: 0 }),
      'a batch larger than what may be in flight': () =>
        bus.jobs.consumeBatch(nothing, { maxMessages: 100, maxInFlight: 50 }),
      'a group on a queue': withOptions({ group: 'g' }),
    }),
  ).toMatchInlineSnapshot(`
    "
    no handler
      invalid: queue jobs: the handler must be a function, not undefined
    a handler that is an object
      invalid: queue jobs: the handler must be a function, not an object
    options instead of a handler
      invalid: queue jobs: the handler must be a function, not an object
    null
      invalid: queue jobs: the options must be an object, not null
    an unknown option
      invalid: queue jobs: there is no option "prefetch"; there are: concurrency, maxInFlight, handlerTimeoutMs, leaseMs, drainMs, window, middleware, signal
    a near miss
      invalid: queue jobs: there is no option "concurency"; did you mean "concurrency"?
    no concurrency
      invalid: queue jobs: concurrency must be a whole number above 0, not 0
    concurrency without end
      invalid: queue jobs: concurrency must be a whole number above 0, not Infinity
    fewer in flight than at once
      invalid: queue jobs: maxInFlight is 5, below the 10 that the handlers take at once; raise it, or lower the others
    a lease in seconds
      invalid: queue jobs: leaseMs is 30 milliseconds; give at least 200. Was it meant in seconds? Then write 30000
    a handler timeout in seconds
      invalid: queue jobs: handlerTimeoutMs is 5 milliseconds; give at least 10. Was it meant in seconds? Then write 5000
    a drain below 0
      invalid: queue jobs: drainMs must be a number of milliseconds, 0 or more, not -1
    a signal that is none
      invalid: queue jobs: signal must be an AbortSignal, not an object
    middleware that is none
      invalid: queue jobs: middleware holds 5 at 0; each must be a function (delivery, next) => next()
    batch options without a batch
      invalid: queue jobs: there is no option "maxMessages"; there are: concurrency, maxInFlight, handlerTimeoutMs, leaseMs, drainMs, window, middleware, signal
    a batch of nothing
      invalid: queue jobs: maxMessages must be a whole number above 0, not 0
    a batch larger than what may be in flight
      invalid: queue jobs: maxInFlight is 50, below the 100 that the handlers take at once; raise it, or lower the others
    a group on a queue
      invalid: queue jobs: there is no option "group"; there are: concurrency, maxInFlight, handlerTimeoutMs, leaseMs, drainMs, window, middleware, signal
    "
  `);
});

it('subscriptions, groups and places to begin', async () => {
  const { bus, clock } = await bench({ jobs, ticks, news, log });
  const from =
    (given: unknown): (() => unknown) =>
    () =>
      bus.log.consume(nothing, { group: 'g', from: given as never });
  const readFrom =
    (options: unknown): (() => unknown) =>
    () =>
      bus.log.read(options as never);
  expect(
    await judged({
      'an empty subscription': () => bus.news.subscribe(nothing, { subscription: '' }),
      'a subscription with a line feed': () => bus.news.subscribe(nothing, { subscription: 'a\nb' }),
      'a pattern that was not asked for': () => bus.news.subscribe(nothing, { pattern: 'a.*' as never }),
      'headers that were not asked for': () => bus.news.subscribe(nothing, { headers: { a: 'b' } as never }),
      'a stream without a group': () => (bus.log.consume as (handler: unknown) => unknown)(nothing),
      'an empty group': () => bus.log.consume(nothing, { group: '' }),
      'a group with half a surrogate pair': () => bus.log.consume(nothing, { group: '\ud800' }),
      'from the beginning, in other words': from('beginning'),
      'from a date': from(new Date(clock.now())),
      'from seconds': from({ timestamp: Math.floor(clock.now() / 1000) }),
      'from microseconds': from({ timestamp: clock.now() * 1000 }),
      'from positions that are numbers': from({ after: { '': 5 }, otherwise: 'earliest' }),
      'from positions alone': from({ after: { '': '5' } }),
      'reading an unknown option': readFrom({ group: 'g' }),
      'reading nothing': readFrom({ limit: 0 }),
      'reading until seconds': readFrom({ until: { timestamp: 5_000_000 } }),
      'reading until a date': readFrom({ until: new Date(clock.now()) }),
      'depth of what is none': () => bus.news.depth({ group: 'g' }),
      'depth by name': () => bus.news.depth('s' as never),
      'redriving nothing': () => bus.jobs.redrive({ limit: 0 }),
      'redriving what has no dead letters': () => bus.ticks.redrive(),
    }),
  ).toMatchInlineSnapshot(`
    "
    an empty subscription
      invalid: topic news: subscription must be printable text that is not empty, not ""
    a subscription with a line feed
      invalid: topic news: subscription must be printable text that is not empty, not "a\\nb"
    a pattern that was not asked for
      invalid: topic news: choosing messages needs the topic's word first: add needs: { pattern: true }
    headers that were not asked for
      invalid: topic news: choosing messages needs the topic's word first: add needs: { filter: true }
    a stream without a group
      invalid: stream log: consume needs a group, like { group: 'billing' }; read() reads without one
    an empty group
      invalid: stream log: group must be printable text that is not empty, not ""
    a group with half a surrogate pair
      invalid: stream log: group must be printable text that is not empty, not "\\ud800"
    from the beginning, in other words
      invalid: stream log: from must be 'earliest', 'latest', { timestamp } or { after: positions, otherwise }
    from a date
      invalid: stream log: from must be 'earliest', 'latest', { timestamp } or { after: positions, otherwise }
    from seconds
      invalid: stream log: from.timestamp is 1767225600, which in epoch milliseconds is before 1974. Was it meant in seconds? Then write 1767225600000
    from microseconds
      invalid: stream log: from.timestamp is 1767225600000000, which in epoch milliseconds is after the year 5000. Was it meant in microseconds? Then write 1767225600000
    from positions that are numbers
      invalid: stream log: from.after must give a position, as a reader showed it, for each lane
    from positions alone
      invalid: stream log: otherwise: from must be 'earliest', 'latest', { timestamp } or { after: positions, otherwise }
    reading an unknown option
      invalid: stream log: there is no option "group"; there are: from, limit, until, idleMs, prefetch, signal
    reading nothing
      invalid: stream log: limit must be a whole number above 0, not 0
    reading until seconds
      invalid: stream log: until is 5000000, which in epoch milliseconds is before 1974. Was it meant in seconds? Then write 5000000000
    reading until a date
      invalid: stream log: until must be { timestamp: <epoch milliseconds> }, not an object
    depth of what is none
      invalid: topic news: depth: there is no option "group"; there are: subscription
    depth by name
      invalid: topic news: depth takes { subscription }
    redriving nothing
      invalid: queue jobs: redrive: limit must be a whole number above 0, not 0
    redriving what has no dead letters
      invalid: queue ticks: it has no dead letters of its own to redrive; declare it with deadLetter: true
    "
  `);
});

it('what this broker cannot do', async () => {
  const { bus } = await bench(
    { jobs, news, plain: stream('plain', { schema: type<unknown>() }) },
    { less: { admin: 'none', topic: { durable: 'none' }, stream: { group: 'none', seek: 'ends' } } },
  );
  expect(
    await judged({
      depth: () => bus.jobs.depth(),
      purge: () => bus.jobs.purge(),
      'a durable subscription': () => bus.news.subscribe(nothing, { subscription: 's' }),
      'a group': () => bus.plain.consume(nothing, { group: 'g' }),
      'reading from a time': () => bus.plain.read({ from: { timestamp: Date.now() } }),
    }),
  ).toMatchInlineSnapshot(`
    "
    depth
      unsupported: queue jobs: memory cannot be asked how much it holds
    purge
      unsupported: queue jobs: memory cannot purge; consume the messages instead
    a durable subscription
      unsupported: topic news: memory has no durable subscriptions; leave out subscription
    a group
      unsupported: stream plain: memory keeps no positions for consumer groups; use read({ from: { after: positions, otherwise: 'earliest' } }) and keep reader.positions yourself
    reading from a time
      unsupported: stream plain: memory cannot begin at a timestamp; the most it has is "ends"
    "
  `);
});

it('deliveries', async () => {
  const { bus, clock, during } = await bench({ jobs });
  const calls: Promise<string>[] = [];
  await bus.jobs.consume(async (_, delivery) => {
    const release = delivery.release.bind(delivery) as (options?: unknown) => unknown;
    const reject = delivery.reject.bind(delivery) as (reason?: unknown) => unknown;
    calls.push(
      judged({
        'released for a text': () => release({ delayMs: '5s' }),
        'released for less than nothing': () => release({ delayMs: -5 }),
        'released with a typo': () => release({ delay: 5000 }),
        'rejected without a reason': () => reject(),
      }),
    );
    await calls[0];
    await delivery.accept();
  });
  await bus.jobs.send(1);
  await clock.advance(0);
  expect(await during(Promise.all(calls))).toHaveLength(1);
  expect(await calls[0]).toMatchInlineSnapshot(`
    "
    released for a text
      invalid: jobs: release: delayMs must be a number of milliseconds, 0 or more, not "5s"
    released for less than nothing
      invalid: jobs: release: delayMs must be a number of milliseconds, 0 or more, not -5
    released with a typo
      invalid: jobs: release: there is no option "delay"; did you mean "delayMs"?
    rejected without a reason
      invalid: jobs: reject takes the reason, a text or an error, not undefined
    "
  `);
  expect(await bus.jobs.depth()).toMatchObject({ ready: 0, inFlight: 0, delayed: 0 });
});
