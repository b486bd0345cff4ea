import type { Consumer, Topic } from '@waybill/core';
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
      context.expect.sameMembers(leaves.ids, before.map(({ id }) => id), 'the one that left');
    },
  }),
  define({ id: 'T12', title: 'twenty topics with a hundred messages each do not leak into each other', run: twentyTopics }),
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
  define({ id: 'T20', title: 'no handler starts after the close of its subscription resolved', priority: 1, run: publishWhileClosing }),
];

async function twentyTopics(context: Context): Promise<void> {
  const names = Array.from({ length: 20 }, (_, index) => `t${index}`);
  const bus = await context.connect(Object.fromEntries(names.map((name) => [name, jobTopic(context, name)])) as Record<string, Topic<Job>>);
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
  for (const [name, { ids }] of inboxes) context.expect.sameMembers(ids, jobs.get(name)!.map(({ id }) => id), `topic ${name}`);
}

/** Eight at a time, each a subscription of its own on one topic. */
async function readiness(context: Context): Promise<void> {
  const bus = await context.connect({ news: jobTopic(context) });
  const jobs = context.jobs(200);
  const missing = new Set(jobs.map(({ id }) => id));
  const once = async (job: Job): Promise<void> => {
    const got = context.inbox();
    const consumer: Consumer = await bus.news.subscribe(got.handler);
    await bus.news.publish(job);
    await context.until(`${job.id}, published right after subscribe resolved`, () => got.ids.includes(job.id));
    missing.delete(job.id);
    await consumer.close();
  };
  const queue = [...jobs];
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let job = queue.shift(); job; job = queue.shift()) await once(job);
  }));
  context.expect.equal(missing.size, 0, 'messages that a ready subscription did not get');
}

async function publishWhileClosing(context: Context): Promise<void> {
  const bus = await context.connect({ news: jobTopic(context) });
  for (let round = 0; round < 20; round++) {
    let isClosed = false;
    const late: string[] = [];
    const inbox = context.inbox({ handle: ({ id }) => isClosed && late.push(id) });
    const consumer = await bus.news.subscribe(inbox.handler);
    const publishing = bus.news.publishMany(context.jobs(20, `round-${round}`));
    await consumer.close();
    isClosed = true;
    await publishing;
    context.expect.deepEqual(late, [], 'handlers that started after close resolved');
  }
}
