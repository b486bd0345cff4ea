import { type Admin, type Declaration, type Depth, type Place, WaybillError } from '@waybill/core/driver';
import { codeOf } from './errors.ts';
import { groupOf, shareGroupOf, subscriptionGroup, topicOf } from './names.ts';
import { partitionsOf } from './placing.ts';
import { isShared, nonEmpty } from './share/groups.ts';
import type { Moment, Wire } from './wire.ts';
import type { WireShares } from './share/wire.ts';

const inhabited: readonly (number | undefined)[] = [22, 25, 27];

export function adminOf(wire: Wire, shares: WireShares | undefined): Admin {
  return {
    /** What the group has not committed, what is in flight included; transaction markers count as records. */
    async depth(source): Promise<Depth> {
      const topic = topicOf(source);
      if (shares !== undefined && isShared(source))
        return { ready: await sharedDepth(wire, shares, topic, shareGroupOf(source)) };
      const group = source.kind === 'reply' ? undefined : groupOf(source);
      const partitions = await partitionsOf(wire, topic);
      const [first, end] = [
        await edges(wire, topic, partitions, 'earliest'),
        await edges(wire, topic, partitions, 'latest'),
      ];
      const done =
        group === undefined ? new Map<number, bigint>() : await wire.committed(group, topic, partitions, false);
      return { ready: partitions.reduce((sum, one) => sum + lag(first.get(one), done.get(one), end.get(one)), 0) };
    },
    /** Trims the topic to its end. Consumers that were not there yet are told that records are gone. */
    async purge(source): Promise<void> {
      if (source.kind === 'topic')
        throw new WaybillError(
          'unsupported',
          `The topic "${source.name}" cannot be purged for one of its subscriptions on Kafka`,
        );
      const topic = topicOf(source);
      const end = await edges(wire, topic, await partitionsOf(wire, topic), 'latest');
      if (shares !== undefined && isShared(source)) return wire.topics.trim(topic, end);
      const group = source.kind === 'queue' ? groupOf(source) : undefined;
      if (group !== undefined) await skip(wire, group, topic, end);
      await wire.topics.trim(topic, end);
    },
    async remove(declaration): Promise<void> {
      // The group first: without its topic Kafka looks for that for half a minute, and then refuses (4.3.0).
      if (shares !== undefined && isShared(declaration)) await removeShared(wire, declaration);
      await remove(wire, declaration);
    },
  };
}

/** Not settled yet, in flight or not. Where the broker does not count, what stands between begin and end. */
async function sharedDepth(wire: Wire, shares: WireShares, topic: string, group: string): Promise<number> {
  const partitions = await partitionsOf(wire, topic);
  const first = await edges(wire, topic, partitions, 'earliest');
  const end = await edges(wire, topic, partitions, 'latest');
  const standing = await shares.standing(group, topic, partitions);
  return partitions.reduce((sum, one) => {
    const { start, lag: known } = standing.get(one) ?? {};
    const most = lag(first.get(one), start, end.get(one));
    return sum + (known === undefined ? most : Math.min(Number(known), most));
  }, 0);
}

const edges = (
  wire: Wire,
  topic: string,
  partitions: readonly number[],
  moment: Moment,
): Promise<ReadonlyMap<number, bigint>> =>
  wire.offsetsAt(topic, new Map(partitions.map((partition) => [partition, moment])));

function lag(first = 0n, done = first, end = first): number {
  const from = done > first ? done : first;
  return end > from ? Number(end - from) : 0;
}

/** Only where nobody consumes; members find their own way. */
async function skip(wire: Wire, group: string, topic: string, end: ReadonlyMap<number, bigint>): Promise<void> {
  try {
    await wire.place(group, topic, end);
  } catch (error) {
    if (!inhabited.includes(codeOf(error))) throw error;
  }
}

/** What is not there is no error. The offsets of a topic go with it. */
async function remove(wire: Wire, declaration: Declaration): Promise<void> {
  if (declaration.kind === 'subscription')
    return wire.topics.removeGroup(
      subscriptionGroup(topicOf({ ...declaration, kind: 'topic', name: declaration.topic }), declaration.name),
    );
  await wire.topics.remove(topicOf(declaration));
}

/** One that has members stays; they see that their topic is gone. */
async function removeShared(wire: Wire, place: Pick<Place, 'name' | 'native'>): Promise<void> {
  try {
    await wire.topics.removeGroup(shareGroupOf(place));
  } catch (error) {
    if (codeOf(error) !== nonEmpty) throw error;
  }
}
