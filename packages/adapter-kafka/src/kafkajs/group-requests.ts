import {
  type ByTopic,
  type Coded,
  type Exchanges,
  itself,
  made,
  offsetFetch,
  txnOffsetCommit,
  written,
} from './exchange.ts';
import { readOffsetFetch, readTxnOffsetCommit, writeOffsetFetch, writeTxnOffsetCommit } from './offsets.ts';

/** What members of groups ask, and where groups stand. */
export const groupRequests: Exchanges<
  'offsetFetch' | 'offsetCommit' | 'txnOffsetCommit' | 'joinGroup' | 'syncGroup' | 'heartbeat' | 'leaveGroup'
> = {
  offsetFetch: ([group], requireStable) =>
    written(
      'OffsetFetch',
      offsetFetch,
      () => writeOffsetFetch(group?.groupId ?? '', group?.topics ?? [], requireStable),
      readOffsetFetch,
    ),

  offsetCommit: (groupId, groupGenerationId, memberId, _groupInstanceId, topics) =>
    made(
      'OffsetCommit',
      {
        groupId,
        groupGenerationId,
        memberId,
        topics: topics.map(({ name, partitions }) => ({
          topic: name,
          partitions: partitions.map((one) => ({ partition: one.partitionIndex, offset: one.committedOffset })),
        })),
      },
      ({ responses }: ByTopic<object>) => ({
        topics: responses.map(({ partitions }) => ({
          partitions: partitions.map(({ partition, errorCode }) => ({ partitionIndex: partition, errorCode })),
        })),
      }),
    ),

  txnOffsetCommit: (...args) =>
    written('TxnOffsetCommit', txnOffsetCommit, () => writeTxnOffsetCommit(...args), readTxnOffsetCommit),

  joinGroup: (groupId, sessionTimeout, rebalanceTimeout, memberId, groupInstanceId, protocolType, groupProtocols) =>
    made(
      'JoinGroup',
      { groupId, sessionTimeout, rebalanceTimeout, memberId, groupInstanceId, protocolType, groupProtocols },
      ({ leaderId, members, ...rest }: Joined) => ({
        ...rest,
        leader: leaderId,
        members: members.map((one) => ({ memberId: one.memberId, metadata: one.memberMetadata })),
      }),
    ),

  syncGroup: (groupId, generationId, memberId, groupInstanceId, _protocolType, _protocolName, assignments) =>
    made(
      'SyncGroup',
      {
        groupId,
        generationId,
        memberId,
        groupInstanceId,
        groupAssignment: assignments.map((one) => ({ memberId: one.memberId, memberAssignment: one.assignment })),
      },
      ({ errorCode, memberAssignment }: Coded & { memberAssignment: Buffer | null }) => ({
        errorCode,
        assignment: memberAssignment ?? Buffer.alloc(0),
      }),
    ),

  heartbeat: (groupId, groupGenerationId, memberId, groupInstanceId) =>
    made('Heartbeat', { groupId, groupGenerationId, memberId, groupInstanceId }, itself<Coded>),

  leaveGroup: (groupId, [member]) => made('LeaveGroup', { groupId, ...member }, itself<Coded>),
};

interface Joined extends Coded {
  readonly generationId: number;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
}
