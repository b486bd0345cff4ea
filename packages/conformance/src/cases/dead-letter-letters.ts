import { bytes, type Codec, deadLettersOf, json, queue, Reject, type Schema, type } from '@waybill/core';
import type { Case } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { channelOf, forBoth, forWay, type Way } from './channel.ts';
import { Provoked } from './destinations.ts';
import { named, recorderOf } from './guarantee-recorder.ts';

/** D01 to D04, D07, D13: what cannot be handled is kept, whole and with its cause, and is tried no more. */
export const deadLetterLetters: readonly Case[] = [
  ...forBoth({
    id: 'D01',
    title: 'a message that always fails is a dead letter after exactly its attempts, and one that succeeds is not',
    run: exhausted,
  }),
  ...forBoth({
    id: 'D02',
    title:
      'a dead letter has the id, headers, key and value of what died, with reason, error, origin, attempts and time',
    run: theCopy,
  }),
  forWay('queue', { id: 'D02:bytes', title: 'the bytes of a dead letter are those that died', run: sameBytes }),
  ...forBoth({
    id: 'D03',
    title: 'each message is handled or dead-lettered, and never both',
    run: oneFate,
  }),
  ...forBoth({
    id: 'D04',
    title: 'a message that its handler rejects is a dead letter at once, without another attempt',
    async run(context, way) {
      const channel = await channelOf(context, way)();
      const jobs = context.jobs(9);
      const inbox = context.inbox({
        handle({ n }) {
          if (n % 3 === 0) throw new Reject(`no such address: ${n}`);
        },
      });
      await channel.consume(inbox.handler);
      await channel.sendMany(jobs);
      await inbox.complete(jobs, 'each runs once');
      const letters = await channel.letters();
      await letters.complete(
        jobs.filter(({ n }) => n % 3 === 0),
        'the rejected ones',
      );
      for (const { delivery, id } of letters.taken) {
        context.expect.equal(delivery.deadLetter?.reason, 'rejected', `the reason of ${id}`);
        context.expect.equal(delivery.deadLetter?.attempts, 1, `the attempts of ${id}`);
        context.expect.match(String(delivery.deadLetter?.error), /no such address/, `the error of ${id}`);
      }
      await inbox.staysAt(jobs.length, 'runs, after all');
    },
  }),
  forWay('queue', {
    id: 'D07',
    title: 'what does not decode is a dead letter with its own bytes, and costs its consumer nothing',
    run: undecodable,
  }),
  ...forBoth({
    id: 'D13',
    title: 'without a dead-letter place a message that fails for good is given up, once, and said to be',
    run: givenUp,
  }),
];

const attemptsOf = (
  inbox: { readonly taken: readonly { readonly value: Job; readonly attempt: number }[] },
  { id }: Job,
): number[] => inbox.taken.filter(({ value }) => value.id === id).map(({ attempt }) => attempt);

async function exhausted(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way, { retry: { attempts: 3, backoff: () => 0 } })();
  const jobs = context.jobs(10);
  const doomed = jobs.filter(({ n }) => n % 2);
  const inbox = context.inbox({
    handle({ n }) {
      if (n % 2) throw new Provoked();
    },
  });
  await channel.consume(inbox.handler);
  await channel.sendMany(jobs);
  await inbox.complete([...jobs, ...doomed, ...doomed], 'one run of each that succeeds, three of each that fails');
  for (const job of doomed) context.expect.deepEqual(attemptsOf(inbox, job), [1, 2, 3], `the attempts of ${job.id}`);
  const letters = await channel.letters();
  await letters.complete(doomed, 'the dead letters');
  for (const { delivery, id } of letters.taken) {
    context.expect.equal(delivery.deadLetter?.reason, 'exhausted', `the reason of ${id}`);
    context.expect.equal(delivery.deadLetter?.attempts, 3, `the attempts of ${id}`);
  }
}

/** Clocks of a process and its broker are one here, and round to whole milliseconds. */
const roundingMs = 2;

async function theCopy(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way, {
    retry: { attempts: 2, backoff: () => 0 },
    key: ({ n }) => `key-${n}`,
  })();
  const [job] = context.jobs(1);
  const inbox = context.inbox({
    handle() {
      throw new Provoked('the oven is cold');
    },
  });
  const before = Date.now();
  await channel.consume(inbox.handler);
  await channel.send(job!, {
    id: `${job!.id}-id`,
    headers: { 'x-Color': 'blue ü' },
    correlationId: 'order 7',
    replyTo: 'somewhere',
  });
  const letters = await channel.letters();
  await letters.complete([job!], 'one dead letter');
  const { delivery, value } = letters.taken[0]!;
  const { id, headers, key, correlationId, replyTo, deadLetter, sentAt } = delivery;
  context.expect.deepEqual(value, job, 'the value');
  context.expect.deepEqual(
    { id, headers: { ...headers }, key, correlationId, replyTo },
    {
      id: `${job!.id}-id`,
      headers: { 'x-Color': 'blue ü' },
      key: 'key-1',
      correlationId: 'order 7',
      replyTo: 'somewhere',
    },
    'what travels along',
  );
  context.expect.equal(sentAt, inbox.taken[0]!.delivery.sentAt, 'when it was sent first');
  context.expect.equal(deadLetter?.reason, 'exhausted', 'the reason');
  context.expect.match(deadLetter!.error, /the oven is cold/, 'the error');
  context.expect.equal(deadLetter?.from, channel.source, 'where it died');
  context.expect.equal(deadLetter?.attempts, 2, 'the attempts');
  context.expect.between(deadLetter!.at, before - roundingMs, Date.now() + roundingMs, 'when it died');
}

async function sameBytes(context: Context): Promise<void> {
  const destination = queue(context.name('bytes'), { schema: type<Uint8Array>(), codec: bytes });
  const bus = await context.connect({ it: destination });
  const body = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
  await bus.it.consume((_, delivery) => delivery.reject('these bytes'));
  await bus.it.send(body);
  const letters = context.inbox<unknown>();
  await (await bus.attach(deadLettersOf(destination))).consume(letters.handler);
  await letters.atLeast(1);
  await letters.staysAt(1, 'dead letters');
  context.expect.deepEqual([...(letters.taken[0]!.value as Uint8Array)], [...body], 'the bytes');
}

/** The checker holds every handling against every dead letter. */
async function oneFate(context: Context, way: Way): Promise<void> {
  const recorder = recorderOf(context);
  const channel = await channelOf(context, way, { retry: { attempts: 2, backoff: () => 0 } })();
  recorder.ready(channel.source, 'way');
  const jobs = context.jobs(60);
  const fates = new Map(
    jobs.map(({ id }) => [id, context.random.pick(['handled', 'second time', 'exhausted', 'rejected'])]),
  );
  const handler = recorder.handler<Job>(channel.source, ({ id }, { attempt }) => {
    const fate = fates.get(id);
    if (fate === 'rejected') throw new Reject('as planned');
    if (fate === 'exhausted' || (fate === 'second time' && attempt === 1)) throw new Provoked();
  });
  await channel.consume(handler);
  const letters = await channel.letters();
  await Promise.all(jobs.map((job) => recorder.send('way', job, () => channel.send(job, named(job)))));
  const doomed = jobs.filter(({ id }) => ['exhausted', 'rejected'].includes(fates.get(id)!));
  await letters.complete(doomed, 'the dead letters');
  await context.until('all others to be handled', () => recorder.done.size >= jobs.length - doomed.length);
  for (const { value, delivery } of letters.taken) {
    const { reason, attempts } = delivery.deadLetter!;
    recorder.deadLetter(channel.source, value as Job, reason === 'rejected' ? 'rejected' : 'attempts', attempts);
  }
  await recorder.judge({ delivery: 'at-least-once', order: 'none', deadLetter: 'read', maxAttempts: 2 }, () =>
    channel.left(),
  );
}

interface Garbage {
  readonly what: string;
  readonly codec: Codec;
}
const encodes = (contentType: string, body: string): Codec => ({
  ...json,
  contentType,
  encode: () => Buffer.from(body),
});

/** Bytes that are no JSON, a content type that nobody reads here, and a value that the schema refuses. */
const garbage: readonly Garbage[] = [
  { what: 'broken JSON', codec: encodes('application/json', '{"id":"half a job"') },
  { what: 'a foreign content type', codec: encodes('image/png', '\x89PNG') },
  { what: 'a wrong value', codec: encodes('application/json', '{"id":7}') },
];

const strict: Schema<Job, Job> = {
  '~standard': {
    version: 1,
    vendor: 'conformance',
    validate: (value) =>
      typeof (value as Partial<Job>).id === 'string'
        ? { value: value as Job }
        : { issues: [{ message: 'a job has an id' }] },
  },
};

async function undecodable(context: Context): Promise<void> {
  const destination = queue(context.name('jobs'), { schema: strict });
  const bus = await context.connect({ it: destination });
  const jobs = context.jobs(20);
  const inbox = context.inbox();
  const consumer = await bus.it.consume(inbox.handler, { concurrency: 1 });
  await bus.it.sendMany(jobs.slice(0, 10));
  for (const { codec } of garbage) {
    const foreign = await context.connect(
      { it: queue(destination.name, { schema: type<unknown>(), codec }) },
      { topology: 'assume' },
    );
    await foreign.it.send('whatever');
  }
  await bus.it.sendMany(jobs.slice(10));
  await inbox.complete(jobs, 'the good ones, before and after, once each');
  context.expect.equal(consumer.state, 'live', 'the consumer');
  const letters = context.inbox<unknown>();
  await (await bus.attach(deadLettersOf({ ...destination, options: { codec: bytes } }))).consume(letters.handler);
  await letters.atLeast(garbage.length);
  await letters.staysAt(garbage.length, 'dead letters: one of each, and no more');
  const bodies = letters.taken.map(({ value }) => Buffer.from(value as Uint8Array).toString('latin1'));
  context.expect.sameMembers(
    bodies,
    garbage.map(({ codec }) => Buffer.from(codec.encode(undefined)).toString('latin1')),
    'their bytes',
  );
  for (const { delivery } of letters.taken)
    context.expect.equal(delivery.deadLetter?.reason, 'undecodable', 'the reason');
}

async function givenUp(context: Context, way: Way): Promise<void> {
  const channel = await channelOf(context, way, { deadLetter: false, retry: { attempts: 2, backoff: () => 0 } })();
  const jobs = context.jobs(6);
  const inbox = context.inbox({
    handle({ n }) {
      if (n <= 2) throw new Reject('never');
      if (n <= 4) throw new Provoked();
    },
  });
  const consumer = await channel.consume(inbox.handler);
  await channel.sendMany(jobs);
  await inbox.complete([...jobs, ...jobs.slice(2, 4)], 'the rejected ones once, the failing ones twice');
  const dropped = context.events.filter((event) => event.type === 'dropped');
  context.expect.deepEqual(
    dropped.map(({ reason }) => reason).sort(),
    ['exhausted', 'exhausted', 'rejected', 'rejected'],
    'what was said about them',
  );
  await consumer.close();
  const later = context.inbox();
  await channel.consume(later.handler);
  await later.staysAt(0, 'what a later consumer gets');
}
