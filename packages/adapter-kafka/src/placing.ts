import { type From, type Start, WaybillError } from '@waybill/core/driver';
import { codeOf } from './errors.ts';
import type { Moment, Wire } from './wire.ts';

/** What a group answers that has members: they have placed it already. UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS. */
const inhabited: readonly (number | undefined)[] = [22, 25, 27];

export const laneId = (topic: string, partition: number): string => `${topic}/${partition}`;

export async function partitionsOf(wire: Wire, topic: string): Promise<readonly number[]> {
  return Array.from({ length: await wire.partitionsOf(topic, true) }, (_, partition) => partition);
}

/** Where each partition begins. Rejects for a position whose records are gone. */
export async function beginnings(wire: Wire, topic: string, from: From): Promise<ReadonlyMap<number, bigint>> {
  const partitions = await partitionsOf(wire, topic);
  const { after, otherwise } = typeof from === 'object' && 'after' in from ? from : { after: {}, otherwise: from };
  const known = new Map<number, bigint>();
  const asked = new Map<number, Moment>();
  for (const partition of partitions) {
    const position = after[laneId(topic, partition)];
    if (position === undefined) asked.set(partition, otherwise);
    else known.set(partition, await behind(wire, topic, partition, position));
  }
  return asked.size === 0 ? known : new Map([...known, ...(await wire.offsetsAt(topic, asked))]);
}

/** The offset after a position, if its record is still there, or could be. */
export async function behind(wire: Wire, topic: string, partition: number, position: string): Promise<bigint> {
  if (!/^\d+$/.test(position))
    throw new WaybillError(
      'invalid',
      `"${position}" is no position of ${laneId(topic, partition)}; positions are offsets`,
    );
  const offset = BigInt(position) + 1n;
  const first = await edge(wire, topic, partition, 'earliest');
  if (offset < first)
    throw new WaybillError(
      'not-found',
      `The records of ${laneId(topic, partition)} after position ${position} are gone: the oldest that is kept has ${first}; begin at "earliest", or keep records for longer`,
    );
  const end = await edge(wire, topic, partition, 'latest');
  if (offset > end)
    throw new WaybillError(
      'not-found',
      `${laneId(topic, partition)} ends before position ${position}: the next record will have ${end}; was the topic made anew?`,
    );
  return offset;
}

export async function edge(wire: Wire, topic: string, partition: number, moment: Start): Promise<bigint> {
  return (await wire.offsetsAt(topic, new Map([[partition, moment]]))).get(partition) ?? 0n;
}

/**
 * Writes down where a new group begins, so that what comes from now on is its own, whoever consumes first and when. A
 * group that stands anywhere is not new; partitions that it does not know were added later and are read from their start.
 */
export async function placeGroup(wire: Wire, group: string, topic: string, from: From): Promise<void> {
  if (from === 'earliest') return;
  const partitions = await partitionsOf(wire, topic);
  if ((await wire.committed(group, topic, partitions)).size > 0) return;
  try {
    await wire.place(group, topic, await beginnings(wire, topic, from));
  } catch (error) {
    if (!inhabited.includes(codeOf(error))) throw error;
  }
}
