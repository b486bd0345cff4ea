import { randomUUID } from 'node:crypto';
import type { Incoming, Lane, Source } from '@waybill/core/driver';
import type { Mutant } from './mutant.ts';
import { receivers } from './parts.ts';
import { wrapLink } from './wrap-link.ts';
import type { ReceiverParts } from './wrap-receiver.ts';

const isGroup = (source: Source): source is Extract<Source, { kind: 'stream' }> =>
  source.kind === 'stream' && source.group !== undefined;
const ofGroups = (partsOf: (stream: string) => ReceiverParts): Mutant['wrap'] =>
  receivers((source) => (isGroup(source) ? partsOf(source.name) : {}));

/** Whoever gets a lane next gets the last record that was committed there once more. All drivers of a broker share it. */
function beginsTooEarly(): Mutant['wrap'] {
  const committed = new Map<string, Incoming>();
  return ofGroups((stream) => {
    const nameOf = (lane: { readonly id: string }): string => `${stream}/${lane.id}`;
    const begun = new Set<unknown>();
    const seen = new Map<string, Incoming>();
    return {
      async pull<M extends Incoming>(lane: Lane<M>, limit: number, signal: AbortSignal) {
        const again = begun.has(lane) ? undefined : committed.get(nameOf(lane));
        begun.add(lane);
        if (again !== undefined) return [again as M];
        const records = await lane.pull(limit, signal);
        for (const record of records)
          if ('position' in record) seen.set(`${lane.id} ${String(record.position)}`, record);
        return records;
      },
      async commit(commit, marks) {
        const lost = await commit(marks);
        for (const { lane, through } of marks) {
          const record = seen.get(`${lane.id} ${through}`);
          if (record !== undefined) committed.set(nameOf(lane), record);
        }
        return lost;
      },
    };
  });
}

/** Every second record says that it stands where the one before it does. */
function sharesPositions(): ReceiverParts {
  let count = 0;
  let last: unknown;
  return {
    async pull<M extends Incoming>(lane: Lane<M>, limit: number, signal: AbortSignal) {
      const records = await lane.pull(limit, signal);
      return records.map((record) => {
        const position = count++ % 2 === 1 ? last : (record as { readonly position?: unknown }).position;
        last = position;
        return new Proxy(record, {
          get: (original, name): unknown => (name === 'position' ? position : Reflect.get(original, name)),
        });
      });
    },
  };
}

/** Each member is a group of its own, so that all of them have all lanes. */
const apart: Mutant['wrap'] = (driver) =>
  wrapLink(driver, {
    receive: (link, source, options) =>
      link.receive(isGroup(source) ? { ...source, group: `${source.group}-${randomUUID()}` } : source, options),
  });

/** Defects of brokers that hand out lanes, and keep one position in each. */
export const laneMutants: readonly Mutant[] = [
  {
    name: 'hands out a position again',
    defect: 'A member that is granted a lane gets the last committed record of it once more.',
    killedBy: 'S06',
    wrap: beginsTooEarly(),
  },
  {
    name: 'gives two records one position',
    defect: 'Two records that follow each other say that they stand in one place.',
    killedBy: 'S12',
    wrap: receivers((source) => (source.kind === 'stream' ? sharesPositions() : {})),
  },
  {
    name: 'grants a lane to two members',
    defect: 'A member that joins a group gets lanes that another member keeps.',
    killedBy: 'S16',
    wrap: apart,
  },
  {
    name: 'takes lanes without asking',
    defect: 'A lane goes to another member while handlers of its records run.',
    killedBy: 'O12:stream',
    wrap: ofGroups(() => ({ revoking: () => Promise.resolve() })),
  },
  {
    name: 'commits for a lane that has left',
    defect: 'A commit after the lane went to another member is said to be done.',
    killedBy: 'S26',
    wrap: ofGroups(() => ({
      commit: async (commit, marks) => (await commit(marks)).filter(({ outcome }) => outcome !== 'lost'),
    })),
  },
];
