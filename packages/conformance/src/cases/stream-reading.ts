import { type Bus, type Reader, type Stream, stream, type StreamRecord, type } from '@waybill/core';
import type { Case, Facts } from '../case.ts';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';
import { sleep } from '../waits.ts';
import { caseOf } from './define.ts';
import { jobStream } from './destinations.ts';
import { readAll } from './take.ts';

const ranks = ['none', 'ends', 'position', 'timestamp'];
const seeks =
  (wanted: string) =>
  ({ capabilities: { stream: channel } }: Facts): string | undefined =>
    channel !== 'none' && ranks.indexOf(channel.seek) < ranks.indexOf(wanted)
      ? `this broker cannot begin at a ${wanted} (seek: ${channel.seek}); N05 proves that it refuses it`
      : undefined;

const define = caseOf({ requires: { kind: 'stream' } });

/** S01 to S05, S10 to S13, S23, S25: records stay, in one order that everybody sees, and can be found again. */
export const streamReading: readonly Case[] = [
  define({
    id: 'S01',
    title: 'a reader from the beginning gets all records in order',
    proves: ['stream.delivery=at-least-once', 'stream.style=position'],
    async run(context) {
      const { bus, jobs } = await filled(context, 500);
      const records = await readAll(context, bus.log.read({ limit: 500 }));
      context.expect.deepEqual(
        records.map(({ value }) => value.id),
        jobs.map(({ id }) => id),
        'the records, in the order of their appending',
      );
    },
  }),
  define({
    id: 'S02',
    title: 'two readers both get everything: reading consumes nothing',
    async run(context) {
      const { bus, jobs } = await filled(context, 200);
      const both = await Promise.all([1, 2].map(() => readAll(context, bus.log.read({ limit: 200 }))));
      for (const records of both)
        context.expect.deepEqual(
          idsOf(records),
          jobs.map(({ id }) => id),
          'one reader',
        );
      context.expect.deepEqual(
        idsOf(await readAll(context, bus.log.read({ limit: 200 }))),
        jobs.map(({ id }) => id),
        'a third one, later',
      );
    },
  }),
  define({
    id: 'S03',
    title: 'a reader from the latest gets exactly what is appended from then on',
    requires: { able: seeks('ends') },
    proves: ['stream.seek=ends'],
    run: fromLatest,
  }),
  define({
    id: 'S04',
    title: 'a reader that begins after a position gets exactly what follows it',
    requires: { able: seeks('position') },
    proves: ['stream.seek=position'],
    async run(context) {
      const { bus, jobs } = await filled(context, 50);
      const records = await readAll(context, bus.log.read({ limit: 50 }));
      for (const last of [1, 17, 49]) {
        const after = { [records[last - 1]!.lane]: records[last - 1]!.position };
        const rest = await readAll(context, bus.log.read({ from: { after, otherwise: 'earliest' }, limit: 50 - last }));
        context.expect.deepEqual(
          idsOf(rest),
          jobs.slice(last).map(({ id }) => id),
          `what follows record ${last}`,
        );
      }
    },
  }),
  define({
    id: 'S05',
    title: 'a reader that begins at a time gets exactly what was sent from then on',
    priority: 1,
    requires: { able: seeks('timestamp') },
    proves: ['stream.seek=timestamp'],
    async run(context) {
      const { bus } = await filled(context, 20);
      await sleep(50);
      const timestamp = Date.now();
      await sleep(50);
      const later = context.jobs(20, 'later');
      await bus.log.appendMany(later);
      const records = await readAll(context, bus.log.read({ from: { timestamp }, limit: 20 }));
      context.expect.deepEqual(
        idsOf(records),
        later.map(({ id }) => id),
        'what was sent after the time',
      );
    },
  }),
  define({
    id: 'S10',
    title: 'every reader sees the records of a lane in the same order, while they are appended too',
    proves: ['stream.order=total'],
    run: sameOrder,
  }),
  define({
    id: 'S11',
    title: 'no position is skipped: going on after each record gives the next one',
    requires: { able: seeks('position') },
    run: noneSkipped,
  }),
  define({
    id: 'S12',
    title: 'a position holds one record: readers and writers agree on it',
    async run(context) {
      const bus = await context.connect({ log: jobStream(context) });
      const jobs = context.jobs(20);
      const told = new Map<string, string>();
      for (const job of jobs) {
        const position = await bus.log.append(job);
        if (position !== undefined) told.set(job.id, position);
      }
      const records = await readAll(context, bus.log.read({ limit: 20 }));
      const places = records.map(({ lane, position }) => `${lane} ${position}`);
      context.expect.equal(new Set(places).size, 20, 'different positions');
      for (const { value, position } of records)
        if (told.has(value.id)) context.expect.equal(position, told.get(value.id), `the position of ${value.id}`);
      context.evidence('positions told by append', told.size);
    },
  }),
  define({
    id: 'S13',
    title: 'a record appended twice with one id stands in the stream once',
    priority: 1,
    requires: { needs: { dedup: true } },
    proves: ['stream.dedup=window'],
    async run(context) {
      const destination = stream(context.name('log'), {
        schema: type<Job>(),
        needs: { dedup: true },
        key: () => 'key',
      });
      const bus = await context.connect({ log: destination });
      const jobs = context.jobs(3);
      for (const job of [...jobs, ...jobs]) await bus.log.append(job, { id: job.id });
      const records = await readAll(context, bus.log.read({ idleMs: Math.max(50, context.timing.quietMs) }));
      context.expect.sameMembers(
        idsOf(records),
        jobs.map(({ id }) => id),
        'the records',
      );
    },
  }),
  define({
    id: 'S23',
    title: 'a position survives JSON and is valid on another connection',
    requires: { able: seeks('position') },
    async run(context) {
      const { bus, jobs, destination } = await filled(context, 30);
      const reader = bus.log.read({ limit: 10 });
      await readAll(context, reader);
      const kept = JSON.stringify(reader.positions);
      await bus.close();
      const other = await context.connect({ log: destination });
      const from = { after: JSON.parse(kept) as Readonly<Record<string, string>>, otherwise: 'earliest' } as const;
      const rest = await readAll(context, other.log.read({ from, limit: 20 }));
      context.expect.deepEqual(
        idsOf(rest),
        jobs.slice(10).map(({ id }) => id),
        'what follows the kept position',
      );
    },
  }),
  define({ id: 'S25', title: 'leaving a for await loop frees the reader, and another one starts', run: leaveLoop }),
];

interface Filled {
  readonly destination: Stream<Job>;
  readonly bus: Bus<{ readonly log: Stream<Job> }>;
  readonly jobs: readonly Job[];
}

async function filled(context: Context, count: number): Promise<Filled> {
  const destination = jobStream(context);
  const bus = await context.connect({ log: destination });
  const jobs = context.jobs(count);
  // One after another where order matters is one call here: appendMany keeps the order of its values.
  await bus.log.appendMany(jobs);
  return { destination, bus, jobs };
}

const idsOf = (records: readonly StreamRecord<Job>[]): string[] => records.map(({ value }) => value.id);

/** A reader opens when its loop begins; it is ready when its consumer says so. */
async function fromLatest(context: Context): Promise<void> {
  const { bus, destination } = await filled(context, 20);
  const later = context.jobs(20, 'later');
  const liveBefore = liveOf(context, destination.name);
  const reading = readAll(context, bus.log.read({ from: 'latest', limit: 20 }));
  await context.until('the reader to be live', () => liveOf(context, destination.name) > liveBefore);
  await bus.log.appendMany(later);
  context.expect.deepEqual(
    idsOf(await reading),
    later.map(({ id }) => id),
    'what was appended from then on',
  );
}

const liveOf = (context: Context, source: string): number =>
  context.events.filter((event) => event.type === 'consumer' && event.source === source && event.state === 'live')
    .length;

/** Keys of all kinds where the order is of everything, and one key where the order is of a key. */
async function sameOrder(context: Context): Promise<void> {
  const { stream: channel } = context.capabilities;
  const isTotal = channel !== 'none' && channel.order === 'total';
  const bus = await context.connect({
    log: jobStream(context, 'log', isTotal ? { key: ({ n }) => `key-${n % 7}` } : {}),
  });
  const count = 300;
  const readers = [1, 2, 3].map(() => readAll(context, bus.log.read({ limit: count })));
  const jobs = context.jobs(count);
  for (let from = 0; from < count; from += 50) await bus.log.appendMany(jobs.slice(from, from + 50));
  const [first, ...others] = (await Promise.all(readers)).map(idsOf);
  context.expect.deepEqual(
    first,
    jobs.map(({ id }) => id),
    'the first reader',
  );
  for (const other of others) context.expect.deepEqual(other, first, 'another reader');
}

async function noneSkipped(context: Context): Promise<void> {
  const { bus, jobs } = await filled(context, 25);
  let reader: Reader<Job> = bus.log.read({ limit: 1 });
  const seen = idsOf(await readAll(context, reader));
  while (seen.length < jobs.length) {
    const from = { after: reader.positions, otherwise: 'earliest' } as const;
    reader = bus.log.read({ from, limit: 1 });
    seen.push(...idsOf(await readAll(context, reader)));
  }
  context.expect.deepEqual(
    seen,
    jobs.map(({ id }) => id),
    'record by record',
  );
}

async function leaveLoop(context: Context): Promise<void> {
  const { bus, jobs, destination } = await filled(context, 40);
  for (let round = 0; round < 5; round++) {
    const records = await readAll(context, bus.log.read(), 3);
    context.expect.deepEqual(
      idsOf(records),
      jobs.slice(0, 3).map(({ id }) => id),
      `round ${round}`,
    );
  }
  const closed = (): number =>
    context.events.filter(
      (event) => event.type === 'consumer' && event.source === destination.name && event.state === 'closed',
    ).length;
  await context.until('five readers to be closed', () => closed() === 5);
  const all = await readAll(context, bus.log.read({ limit: 40 }));
  context.expect.equal(all.length, 40, 'records of the next reader');
}
