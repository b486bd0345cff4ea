import type { Consumer, Topic, TopicHandle } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Inbox, Job } from '../inbox.ts';
import { caseOf } from './define.ts';
import { jobTopic } from './destinations.ts';

const define = caseOf({ requires: { kind: 'topic' } });

/** T01, T06, T10 to T14, T19, T20: everybody who subscribed gets everything from then on, and nobody else. */
export const topicBasics: readonly Case[] = [
  define({
    id: 'T01',
    title: 'two subscriptions each get every message',
    proves: ['topic.delivery=at-least-once'],
    async run(context) {
      const bus = await context.connect({ news: jobTopic(context) });
      const inboxes = [context.inbox(), context.inbox()];
      for (const { handler } of inboxes) await bus.news.subscribe(handler);
      const jobs = context.jobs(50);
      await bus.news.publishMany(jobs);
      for (const inbox of inboxes) await inbox.complete(jobs, 'one subscription');
    },
  }),
  define({
    id: 'T06',
    title: 'a late subscriber gets nothing of the past',
    async run(context) {
      const bus = await context.connect({ news: jobTopic(context) });
      const early = context.inbox();
      await bus.news.subscribe(early.handler);
      const [past, future] = [context.jobs(10, 'past'), context.jobs(10, 'future')];
      await bus.news.publishMany(past);
      await early.atLeast(10);
      const late = context.inbox();
      await bus.news.subscribe(late.handler);
      await bus.news.publishMany(future);
      await late.complete(future, 'what a late subscriber got');
      await early.complete([...past, ...future], 'what the early one got');
    },
  }),
  define({
    id: 'T07',
    title: 'publishing to nobody resolves',
    priority: 1,
    async run(context) {
      const bus = await context.connect({ news: jobTopic(context) });
      await bus.news.publishMany(context.jobs(5));
      context.expect.equal(context.traffic.sent, 5, 'messages that went to the broker');
    },
  }),
  define({
    id: 'T10',
    title: 'closing one of two subscribers does not touch the other',
    async run(context) {
      const bus = await context.connect({ news: jobTopic(context) });
      const [stays, leaves] = [context.inbox(), context.inbox()];
      await bus.news.subscribe(stays.handler);
      const leaving = await bus.news.subscribe(leaves.handler);
      const [before, after] = [context.jobs(20, 'before'), context.jobs(20, 'after')];
      await bus.news.publishMany(before);
      await leaves.atLeast(20);
      await leaving.close();
      await bus.news.publishMany(after);
      await stays.complete([...before, ...after], 'the one that stays');
      context.expect.sameMembers(
        leaves.ids,
        before.map(({ id }) => id),
        'the one that left',
      );
    },
  }),
  define({
    id: 'T12',
    title: 'twenty topics with a hundred messages each do not leak into each other',
    run: twentyTopics,
  }),
  define({
    id: 'T13',
    title: 'a subscription opened while messages flow gets everything from then on',
    async run(context) {
      const bus = await context.connect({ news: jobTopic(context) });
      const first = context.inbox();
      await bus.news.subscribe(first.handler);
      await bus.news.publishMany(context.jobs(20, 'before'));
      const second = context.inbox();
      await bus.news.subscribe(second.handler);
      const after = context.jobs(20, 'after');
      await bus.news.publishMany(after);
      await first.atLeast(40);
      await second.complete(after, 'the subscription opened later');
    },
  }),
  define({
    id: 'T14',
    title: 'one handler on two topics is told the source of each message',
    priority: 1,
    async run(context) {
      const destinations = { left: jobTopic(context, 'left'), right: jobTopic(context, 'right') };
      const bus = await context.connect(destinations);
      const inbox = context.inbox();
      await bus.left.subscribe(inbox.handler);
      await bus.right.subscribe(inbox.handler);
      const [left, right] = [context.jobs(3, 'left'), context.jobs(3, 'right')];
      await Promise.all([bus.left.publishMany(left), bus.right.publishMany(right)]);
      await inbox.complete([...left, ...right], 'both topics');
      for (const { value, delivery } of inbox.taken) {
        const side = left.some(({ id }) => id === value.id) ? destinations.left : destinations.right;
        context.expect.equal(delivery.source, side.name, `the source of ${value.id}`);
      }
    },
  }),
  define({
    id: 'T19',
    title: 'what is published after subscribe resolved is delivered, 200 times without a wait',
    timeoutMs: 120_000,
    run: readiness,
  }),
  define({
    id: 'T20',
    title:
      'subscribers that come and go disturb neither publishing nor those who stay, and run no handler after they closed',
    priority: 1,
    run: publishWhileClosing,
  }),
];

const topicsOf = (context: Context, names: readonly string[]): Record<string, Topic<Job>> =>
  Object.fromEntries(names.map((name) => [name, jobTopic(context, name)]));

async function twentyTopics(context: Context): Promise<void> {
  const names = Array.from({ length: 20 }, (_, index) => `t${index}`);
  const bus = await context.connect(topicsOf(context, names));
  const inboxes = new Map<string, Inbox<Job>>();
  for (const name of names) {
    const inbox = context.inbox();
    inboxes.set(name, inbox);
    await bus[name]!.subscribe(inbox.handler);
  }
  const jobs = new Map(names.map((name) => [name, context.jobs(100, name)]));
  await Promise.all(names.map((name) => bus[name]!.publishMany(jobs.get(name)!)));
  await context.until('2,000 messages', () => [...inboxes.values()].every(({ taken }) => taken.length >= 100));
  await context.quiet();
  for (const [name, { ids }] of inboxes)
    context.expect.sameMembers(
      ids,
      jobs.get(name)!.map(({ id }) => id),
      `topic ${name}`,
    );
}

/** Eight topics beside each other, so that one subscription's end is not part of another's publish; T20 is about that. */
async function readiness(context: Context): Promise<void> {
  const names = Array.from({ length: 8 }, (_, index) => `t${index}`);
  const bus = await context.connect(topicsOf(context, names));
  const jobs = context.jobs(200);
  const missing = new Set(jobs.map(({ id }) => id));
  const once = async (name: string, job: Job): Promise<void> => {
    const got = context.inbox();
    const consumer: Consumer = await bus[name]!.subscribe(got.handler);
    await bus[name]!.publish(job);
    await context.until(`${job.id}, published right after subscribe resolved`, () => got.ids.includes(job.id));
    missing.delete(job.id);
    await consumer.close();
  };
  const left = [...jobs];
  const worker = async (name: string): Promise<void> => {
    for (let job = left.shift(); job; job = left.shift()) await once(name, job);
  };
  await Promise.all(names.map(worker));
  context.expect.equal(missing.size, 0, 'messages that a ready subscription did not get');
}

/** One subscriber stays while others come and go under a steady stream of messages. */
async function publishWhileClosing(context: Context): Promise<void> {
  const bus = await context.connect({ news: jobTopic(context) });
  const stays = context.inbox();
  await bus.news.subscribe(stays.handler);
  const jobs = context.jobs(400);
  const stream = { isOpen: true };
  const publishing = publishAll(bus.news, jobs).finally(() => (stream.isOpen = false));
  // Awaited below; a failure before that must not count as one that nobody handled.
  publishing.catch(() => undefined);
  const late: string[] = [];
  let rounds = 0;
  for (; stream.isOpen && rounds < 100; rounds++) await comeAndGo(context, bus.news, late);
  await publishing;
  await stays.complete(jobs, 'the subscriber that stays');
  context.expect.deepEqual(late, [], 'handlers that started after close resolved');
  context.evidence('subscribers that came and went', rounds);
}

async function publishAll(news: TopicHandle<Job>, jobs: readonly Job[]): Promise<void> {
  for (let from = 0; from < jobs.length; from += 4) await news.publishMany(jobs.slice(from, from + 4));
}

async function comeAndGo(context: Context, news: TopicHandle<Job>, late: string[]): Promise<void> {
  let isClosed = false;
  const inbox = context.inbox({ handle: ({ id }) => isClosed && late.push(id) });
  const consumer = await news.subscribe(inbox.handler);
  await consumer.close();
  isClosed = true;
}
