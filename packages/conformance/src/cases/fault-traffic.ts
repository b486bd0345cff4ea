import { type BusOptions, type Consumer, type Driver, type Queue, WaybillError } from '@waybill/core';
import type { Context } from '../context.ts';
import type { Inbox, Job } from '../inbox.ts';
import { sleep } from '../waits.ts';
import { jobQueue } from './destinations.ts';

/** A producer and a consumer at work, each on a bus of its own, while something happens to their broker. */
export interface Steady {
  readonly consumer: Consumer;
  readonly inbox: Inbox<Job>;
  /** By id: `stored`, or the code it was refused with. */
  readonly outcomes: ReadonlyMap<string, string>;
  readonly stored: number;
  /** Waits until so many more have been stored. */
  readonly stores: (more: number, withinMs?: number) => Promise<void>;
  /** Ends the producer and judges: what was stored arrives, what was refused does not, and nothing else comes. */
  readonly settle: () => Promise<void>;
}

export interface SteadyOptions {
  readonly bus?: BusOptions;
  /** Of both ends. @default the case's own */
  readonly driver?: () => Promise<Driver>;
  readonly handle?: (job: Job) => unknown;
}

export async function steady(context: Context, { bus = {}, driver, handle }: SteadyOptions = {}): Promise<Steady> {
  const destination: Queue<Job> = jobQueue(context);
  const open = async () =>
    context.connect({ jobs: destination }, { ...bus, ...(driver && { driver: await driver() }) });
  const [producer, receiver] = [await open(), await open()];
  const inbox = context.inbox({ ...(handle && { handle }) });
  const consumer = await receiver.jobs.consume(inbox.handler);
  const outcomes = new Map<string, string>();
  const waiting = context.jobs(100_000);
  const over = new AbortController();
  let stored = 0;
  const work = Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let job = waiting.shift(); job && !over.signal.aborted; job = waiting.shift()) {
        const outcome = await producer.jobs.send(job).then(() => 'stored', codeOf);
        outcomes.set(job.id, outcome);
        if (outcome === 'stored') stored += 1;
        await sleep(2);
      }
    }),
  );
  context.defer('the producer', () => over.abort());
  return {
    consumer,
    inbox,
    outcomes,
    get stored() {
      return stored;
    },
    async stores(more, withinMs = 20_000) {
      const enough = stored + more;
      await context.until(`${more} more messages to be stored`, () => stored >= enough, withinMs);
    },
    async settle() {
      over.abort();
      await work;
      await judge(context, inbox, outcomes);
    },
  };
}

export const codeOf = (error: unknown): string => (WaybillError.is(error) ? error.code : String(error));

async function judge(context: Context, inbox: Inbox<Job>, outcomes: ReadonlyMap<string, string>): Promise<void> {
  const stored = [...outcomes].filter(([, outcome]) => outcome === 'stored').map(([id]) => id);
  const arrived = (): ReadonlySet<string> => new Set(inbox.ids);
  await context.until('what was stored', () => stored.every((id) => arrived().has(id)), 20_000).catch(() => undefined);
  await context.quiet();
  const seen = arrived();
  context.expect.deepEqual(
    stored.filter((id) => !seen.has(id)).slice(0, 5),
    [],
    'messages that were stored and never came',
  );
  const refused = [...outcomes].filter(
    ([id, outcome]) => !['stored', 'unknown-outcome'].includes(outcome) && seen.has(id),
  );
  context.expect.deepEqual(refused.slice(0, 5), [], 'messages that were refused and came');
  context.expect.deepEqual([...seen].filter((id) => !outcomes.has(id)).slice(0, 5), [], 'messages that nobody sent');
  const unknown = [...outcomes.values()].filter((outcome) => outcome === 'unknown-outcome').length;
  context.evidence(
    'outcomes',
    `${stored.length} stored, ${unknown} unknown, ${outcomes.size - stored.length - unknown} refused; ${inbox.ids.length - seen.size} duplicates`,
  );
}

/** Events of links, oldest first. */
const linkStates = ({ events }: Context): readonly string[] =>
  events.flatMap((event) => (event.type === 'link' ? [event.state] : []));

export const downs = (context: Context): number => linkStates(context).filter((state) => state === 'down').length;
