import { checkCode } from '../errors.ts';
import type { Moment, TransactionIdentity } from '../wire.ts';
import type { Cluster } from './cluster.ts';

const readCommitted = 1;
/** COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR: ask again who it is. */
const coordinatorMoved = [15, 14, 16] as const satisfies readonly number[];
const isMoved = (code: number): boolean => (coordinatorMoved as readonly number[]).includes(code);
export const noMember = { generation: -1, memberId: '' };

const timestampOf = (moment: Moment): bigint =>
  moment === 'earliest' ? -2n : moment === 'latest' ? -1n : BigInt(moment.timestamp);

/** Asks each leader once. Where nothing is as late as asked, the end. */
export async function offsetsAt(
  cluster: Cluster,
  topic: string,
  wanted: ReadonlyMap<number, Moment>,
): Promise<ReadonlyMap<number, bigint>> {
  const found = await ask(cluster, topic, wanted);
  const beyond = [...found].filter(([, offset]) => offset < 0n).map(([partition]) => [partition, 'latest'] as const);
  if (beyond.length === 0) return found;
  return new Map([...found, ...(await ask(cluster, topic, new Map(beyond)))]);
}

async function ask(
  cluster: Cluster,
  topic: string,
  wanted: ReadonlyMap<number, Moment>,
): Promise<ReadonlyMap<number, bigint>> {
  const byLeader = new Map<number, number[]>();
  for (const partition of wanted.keys()) {
    const leader = await cluster.leaderOf(topic, partition);
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
  }
  const found = new Map<number, bigint>();
  for (const [leader, partitions] of byLeader) {
    const asked = partitions.map((partitionIndex) => ({
      partitionIndex,
      currentLeaderEpoch: -1,
      timestamp: timestampOf(wanted.get(partitionIndex) ?? 'latest'),
    }));
    const { topics } = await cluster.ask(leader, 'listOffsets', -1, readCommitted, [
      { name: topic, partitions: asked },
    ]);
    for (const { partitionIndex, errorCode, offset } of topics[0]?.partitions ?? []) {
      if (errorCode !== 0) cluster.forget(topic);
      checkCode(errorCode, `a question for offsets of "${topic}"`);
      found.set(partitionIndex, offset);
    }
  }
  return found;
}

/** Where a group stands; only of partitions that it has an offset for. `isSettled`: nothing else may be about to come. */
export async function committed(
  cluster: Cluster,
  group: string,
  topic: string,
  partitions: readonly number[],
  isSettled: boolean,
): Promise<ReadonlyMap<number, bigint>> {
  const asked = {
    groupId: group,
    memberId: null,
    memberEpoch: -1,
    topics: [{ name: topic, partitionIndexes: [...partitions] }],
  };
  const { groups } = await cluster.ask(await cluster.coordinatorOf(group), 'offsetFetch', [asked], isSettled);
  const found = groups[0];
  const code = found?.errorCode ?? coordinatorMoved[0];
  if (isMoved(code)) cluster.forgetCoordinator(group);
  checkCode(code, `a question for the offsets of the group "${group}"`);
  const offsets = new Map<number, bigint>();
  for (const { partitionIndex, committedOffset, errorCode } of found?.topics[0]?.partitions ?? []) {
    checkCode(errorCode, `a question for the offsets of the group "${group}"`);
    if (committedOffset >= 0n) offsets.set(partitionIndex, committedOffset);
  }
  return offsets;
}

/**
 * Codes by partition. The broker refuses all of it when generation and member are not those of now. `within` a
 * transaction they count when that is committed.
 */
export async function commit(
  cluster: Cluster,
  group: string,
  member: { readonly generation: number; readonly memberId: string },
  topic: string,
  offsets: ReadonlyMap<number, bigint>,
  within?: TransactionIdentity,
): Promise<ReadonlyMap<number, number>> {
  const partitions = [...offsets].map(([partitionIndex, committedOffset]) => ({
    partitionIndex,
    committedOffset,
    committedLeaderEpoch: -1,
    committedMetadata: null,
  }));
  const written = [{ name: topic, partitions }];
  const { generation, memberId } = member;
  const coordinator = await cluster.coordinatorOf(group);
  const { topics } =
    within === undefined
      ? await cluster.ask(coordinator, 'offsetCommit', group, generation, memberId, null, written)
      : await cluster.ask(
          coordinator,
          'txnOffsetCommit',
          within.transactionalId,
          group,
          within.producerId,
          within.producerEpoch,
          generation,
          memberId,
          null,
          written,
        );
  const codes = new Map(
    (topics[0]?.partitions ?? []).map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode]),
  );
  if ([...codes.values()].some(isMoved)) cluster.forgetCoordinator(group);
  return codes;
}
