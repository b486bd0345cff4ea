import type { Incoming, Lane, Source } from '@waybill/core/driver';
import type { Mutant } from './mutant.ts';
import { receivers, settlers } from './parts.ts';
import { wrapLink } from './wrap-link.ts';
import { type ReceiverParts, type SettlingReceiver, wrapReceiver } from './wrap-receiver.ts';

const isStream = ({ kind }: Source): boolean => kind === 'stream';

const reversed: ReceiverParts = {
  pull: async (lane, limit, signal) => (await lane.pull(limit, signal)).toReversed(),
};

const withoutHeaderFilter = (source: Source): Source => {
  if (source.kind !== 'topic') return source;
  const { filter, ...rest } = source;
  return filter?.pattern === undefined ? rest : { ...rest, filter: { pattern: filter.pattern } };
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Loses what was sent in the first milliseconds, as a subscription would that is not there yet. */
function late(receiver: SettlingReceiver): ReceiverParts {
  const from = Date.now() + 5;
  return {
    async pull<M extends Incoming>(lane: Lane<M>, limit: number, signal: AbortSignal) {
      const messages = await lane.pull(limit, signal);
      const missed = messages.filter(({ sentAt = from }) => sentAt < from);
      await receiver.settle(
        missed.flatMap((one) => ('receipt' in one ? [{ receipt: one.receipt, outcome: 'accept' }] : [])),
      );
      return messages.filter((message) => !missed.includes(message));
    },
  };
}

/** Of what is handed out first, by whichever lane, the first one is left out. */
function skipsFirst(): ReceiverParts {
  let isFirst = true;
  return {
    async pull(lane, limit, signal) {
      const records = await lane.pull(limit, signal);
      if (!isFirst || records.length === 0) return records;
      isFirst = false;
      return records.length > 1 ? records.slice(1) : lane.pull(limit, signal);
    },
  };
}

/** The record in front of a reader comes twice. */
function repeatsFirst(): ReceiverParts {
  let isFirst = true;
  return {
    async pull(lane, limit, signal) {
      const records = await lane.pull(isFirst ? Math.max(1, limit - 1) : limit, signal);
      const again = isFirst ? records.slice(0, 1) : [];
      isFirst &&= records.length === 0;
      return [...again, ...records];
    },
  };
}

const goesOn = (source: Source): boolean =>
  source.kind === 'stream' && typeof source.from === 'object' && 'after' in source.from;
const isGroup = (source: Source): boolean => source.kind === 'stream' && source.group !== undefined;

/** Whatever mark is given, the last record that was handed out becomes the position. */
function commitsAhead(): ReceiverParts {
  const last = new Map<unknown, string>();
  return {
    async pull<M extends Incoming>(lane: Lane<M>, limit: number, signal: AbortSignal) {
      const records = await lane.pull(limit, signal);
      for (const record of records) if ('position' in record) last.set(lane, String(record.position));
      return records;
    },
    commit: (commit, marks) => commit(marks.map(({ lane, through }) => ({ lane, through: last.get(lane) ?? through }))),
  };
}

/** Defects in what is handed out, to whom, and in which order. */
export const receivingMutants: readonly Mutant[] = [
  {
    name: 'reverses what it hands out',
    defect: 'Messages that are handed out together come in the wrong order.',
    killedBy: 'O10',
    wrap: receivers((source) => (isStream(source) ? {} : reversed)),
  },
  {
    name: 'reverses a stream',
    defect: 'Records that are handed out together come in the wrong order.',
    killedBy: 'S01',
    wrap: receivers((source) => (isStream(source) ? reversed : {})),
  },
  {
    name: 'skips a record',
    defect: 'A consumer that joins a group misses the record at which the group stands.',
    killedBy: 'S19',
    wrap: receivers((source) => (isGroup(source) ? skipsFirst() : {})),
  },
  {
    name: 'repeats a record',
    defect: 'A reader that begins after a position gets the record that follows it twice.',
    killedBy: 'S04',
    wrap: receivers((source) => (goesOn(source) ? repeatsFirst() : {})),
  },
  {
    name: 'commits past a gap',
    defect: 'A commit covers everything that was handed out, done or not.',
    killedBy: 'S08',
    wrap: receivers((source) => (isStream(source) ? commitsAhead() : {})),
  },
  {
    name: 'ignores header filters',
    defect: 'A subscription with a header filter gets everything.',
    killedBy: 'T09',
    wrap: (driver) =>
      wrapLink(driver, { receive: (link, source, options) => link.receive(withoutHeaderFilter(source), options) }),
  },
  {
    name: 'subscribes too late',
    defect: 'A subscription of a topic that is said to be open misses what is published at once.',
    killedBy: 'T19',
    wrap: settlers((receiver, { kind }) => (kind === 'topic' ? late(receiver) : {})),
  },
  {
    name: 'holds too much',
    defect: 'A consumer is handed four times as many messages as it asked for.',
    killedBy: 'B01',
    wrap: (driver) =>
      wrapLink(driver, {
        receive: async (link, source, options) =>
          wrapReceiver(await link.receive(source, { ...options, maxInFlight: options.maxInFlight * 4 }), {
            pull: (lane, limit, signal) => lane.pull(limit * 4, signal),
          }),
      }),
  },
  {
    name: 'is silent after a reconnect',
    defect: 'Receivers on any link but the first hand out nothing, and say nothing.',
    killedBy: 'Q13',
    wrap(driver) {
      let links = 0;
      return wrapLink(driver, () => {
        const isFirst = ++links === 1;
        return isFirst
          ? {}
          : {
              receive: async (link, source, options) =>
                wrapReceiver(await link.receive(source, options), { pull: silent }),
            };
      });
    },
  },
];

async function silent(_: unknown, __: number, signal: AbortSignal): Promise<never[]> {
  await aborted(signal);
  return [];
}
