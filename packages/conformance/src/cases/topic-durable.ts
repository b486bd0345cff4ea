import { topic, type } from '@waybill/core';
import type { Case, Facts } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { caseOf } from './define.ts';
import { atOnce, jobTopic, Provoked } from './destinations.ts';

const isDurable = ({ capabilities }: Facts): string | undefined =>
  capabilities.topic !== 'none' && capabilities.topic.durable === 'none'
    ? 'this broker has no durable subscriptions; N05 proves that it refuses them'
    : undefined;

const define = caseOf({ requires: { kind: 'topic' } });
const defineDurable = caseOf({ requires: { kind: 'topic', able: isDurable } });

/** T02 to T05, T08, T09, T11, T17, T18: subscriptions that outlive their consumers, are shared, or choose. */
export const topicDurable: readonly Case[] = [
  defineDurable({
    id: 'T02',
    title: 'three consumers of one durable subscription share its messages: all arrive, none twice',
    proves: ['topic.durable=subscription'],
    async run(context) {
      const inboxes = await members(context, 3, 'shared');
      const bus = await context.connect({ news: jobTopic(context) });
      const jobs = context.jobs(150);
      await bus.news.publishMany(jobs);
      const taken = (): readonly string[] => inboxes.flatMap(({ ids }) => ids);
      await context.until('150 messages', () => taken().length >= 150);
      await context.quiet();
      context.expect.sameMembers(
        taken(),
        jobs.map(({ id }) => id),
        'the three together',
      );
    },
  }),
  defineDurable({
    id: 'T03',
    title: 'of two durable subscriptions, one with one consumer and one with two, each gets all',
    async run(context) {
      const [alone] = await members(context, 1, 'alone');
      const pair = await members(context, 2, 'pair');
      const bus = await context.connect({ news: jobTopic(context) });
      const jobs = context.jobs(100);
      await bus.news.publishMany(jobs);
      await context.until('100 messages at the pair', () => pair.flatMap(({ ids }) => ids).length >= 100);
      await alone!.complete(jobs, 'the one alone');
      context.expect.sameMembers(
        pair.flatMap(({ ids }) => ids),
        jobs.map(({ id }) => id),
        'the pair together',
      );
    },
  }),
  define({
    id: 'T04',
    title: 'what an ephemeral subscription missed while it was closed stays missed',
    async run(context) {
      const bus = await context.connect({ news: jobTopic(context) });
      const first = context.inbox();
      const consumer = await bus.news.subscribe(first.handler);
      const [before, missed, after] = ['before', 'missed', 'after'].map((part) => context.jobs(10, part));
      await bus.news.publishMany(before!);
      await first.complete(before!, 'while it was open');
      await consumer.close();
      await bus.news.publishMany(missed!);
      const second = context.inbox();
      await bus.news.subscribe(second.handler);
      await bus.news.publishMany(after!);
      await second.complete(after!, 'when it was open again');
    },
  }),
  defineDurable({
    id: 'T05',
    title: 'a durable subscription keeps what comes while nobody consumes it',
    async run(context) {
      const destination = jobTopic(context);
      const first = await context.connect({ news: destination });
      const before = context.inbox();
      await first.news.subscribe(before.handler, { subscription: 'kept' });
      const jobs = context.jobs(10, 'before');
      await first.news.publishMany(jobs);
      await before.complete(jobs, 'while it was consumed');
      await first.close();
      const second = await context.connect({ news: destination });
      const missed = context.jobs(20, 'missed');
      await second.news.publishMany(missed);
      const later = context.inbox();
      await second.news.subscribe(later.handler, { subscription: 'kept' });
      await later.complete(missed, 'what came meanwhile, and nothing that was accepted before');
    },
  }),
  define({
    id: 'T08',
    title: 'patterns choose exactly by words: twenty patterns against sixteen routing keys',
    priority: 1,
    requires: { needs: { pattern: true } },
    timeoutMs: 60_000,
    run: patterns,
  }),
  define({
    id: 'T09',
    title: 'a header filter delivers what matches, and leaves nothing else behind',
    priority: 1,
    requires: { needs: { filter: true } },
    run: headerFilter,
  }),
  defineDurable({
    id: 'T17',
    title: 'a failure in one subscription is not delivered again to another',
    async run(context) {
      const bus = await context.connect({ news: jobTopic(context) });
      const failing = context.inbox({
        handle: (_, { attempt }) => {
          if (attempt < 3) throw new Provoked();
        },
      });
      const calm = context.inbox();
      await bus.news.subscribe(failing.handler, { subscription: 'failing' });
      await bus.news.subscribe(calm.handler, { subscription: 'calm' });
      const jobs = context.jobs(5);
      await bus.news.publishMany(jobs);
      await failing.complete([...jobs, ...jobs, ...jobs], 'three runs in the failing one');
      await calm.complete(jobs, 'one run in the calm one');
    },
  }),
];

async function members(context: Context, count: number, subscription: string) {
  const destination = jobTopic(context);
  return Promise.all(
    Array.from({ length: count }, async () => {
      const bus = await context.connect({ news: destination });
      const inbox = context.inbox();
      await bus.news.subscribe(inbox.handler, { subscription, concurrency: 2 });
      return inbox;
    }),
  );
}

const keys = [
  '',
  'a',
  'b',
  'a.b',
  'a.c',
  'b.a',
  'a.b.c',
  'a.b.d',
  'a.c.b',
  'b.b.b',
  'a.a',
  'a.b.c.d',
  'c',
  'ab',
  'a.bc',
  'x.a.b',
];

/** By the definition of the words, and written down rather than computed: `*` is one word, `#` any number. */
const matches: Readonly<Record<string, readonly string[]>> = {
  '#': keys,
  a: ['a'],
  'a.b': ['a.b'],
  '*.b': ['a.b'],
  'a.*': ['a.b', 'a.c', 'a.a', 'a.bc'],
  'a.#': ['a', 'a.b', 'a.c', 'a.b.c', 'a.b.d', 'a.c.b', 'a.a', 'a.b.c.d', 'a.bc'],
  '#.b': ['b', 'a.b', 'a.c.b', 'b.b.b', 'x.a.b'],
  '*.*': ['a.b', 'a.c', 'b.a', 'a.a', 'a.bc'],
  '*.*.*': ['a.b.c', 'a.b.d', 'a.c.b', 'b.b.b', 'x.a.b'],
  'a.*.c': ['a.b.c'],
  'a.*.*': ['a.b.c', 'a.b.d', 'a.c.b'],
  '*.b.*': ['a.b.c', 'a.b.d', 'b.b.b'],
  'a.#.d': ['a.b.d', 'a.b.c.d'],
  '#.a.#': ['a', 'a.b', 'a.c', 'b.a', 'a.b.c', 'a.b.d', 'a.c.b', 'a.a', 'a.b.c.d', 'a.bc', 'x.a.b'],
  'a.b.#': ['a.b', 'a.b.c', 'a.b.d', 'a.b.c.d'],
  '#.b.#.d': ['a.b.d', 'a.b.c.d'],
  'b.#': ['b', 'b.a', 'b.b.b'],
  'a.b.c.d': ['a.b.c.d'],
  'x.#.b': ['x.a.b'],
  nothing: [],
};

async function patterns(context: Context): Promise<void> {
  const destination = topic(context.name('news'), { schema: type<Job>(), needs: { pattern: true }, retry: atOnce });
  const bus = await context.connect({ news: destination });
  const everything = context.inbox();
  await bus.news.subscribe(everything.handler);
  const chosen = await Promise.all(
    Object.entries(matches).map(async ([pattern, expected]) => {
      const inbox = context.inbox();
      await bus.news.subscribe(inbox.handler, { pattern });
      return { pattern, expected, inbox };
    }),
  );
  await Promise.all(keys.map((routingKey, n) => bus.news.publish({ id: `key ${routingKey}`, n }, { routingKey })));
  await everything.atLeast(keys.length);
  await context
    .until('every pattern to have its matches', () =>
      chosen.every(({ expected, inbox }) => inbox.taken.length >= expected.length),
    )
    .catch(() => undefined);
  await context.quiet();
  for (const { pattern, expected, inbox } of chosen) {
    context.expect.sameMembers(
      inbox.ids,
      expected.map((key) => `key ${key}`),
      `the keys that "${pattern}" chooses`,
    );
  }
}

async function headerFilter(context: Context): Promise<void> {
  const destination = topic(context.name('news'), { schema: type<Job>(), needs: { filter: true }, retry: atOnce });
  const bus = await context.connect({ news: destination });
  const [blue, blueLarge, all] = [context.inbox(), context.inbox(), context.inbox()];
  await bus.news.subscribe(blue.handler, { headers: { color: 'blue' } });
  await bus.news.subscribe(blueLarge.handler, { headers: { color: 'blue', size: 'large' } });
  await bus.news.subscribe(all.handler);
  const jobs = context.jobs(12);
  const headersOf = ({ n }: Job): Record<string, string> => ({
    color: n % 2 ? 'blue' : 'red',
    size: n % 3 ? 'small' : 'large',
  });
  await Promise.all(jobs.map((job) => bus.news.publish(job, { headers: headersOf(job) })));
  await all.complete(jobs, 'the subscription without a filter');
  await blue.complete(
    jobs.filter(({ n }) => n % 2),
    'color blue',
  );
  await blueLarge.complete(
    jobs.filter(({ n }) => n % 2 && n % 3 === 0),
    'color blue and size large',
  );
}
