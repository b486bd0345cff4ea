import {
  addOffsetsToTxnV3,
  addPartitionsToTxnV3,
  type API,
  apiVersionsV3,
  type Connection,
  createTopicsV7,
  deleteGroupsV2,
  deleteRecordsV2,
  deleteTopicsV6,
  describeConfigsV4,
  endTxnV3,
  fetchV12,
  findCoordinatorV4,
  heartbeatV4,
  initProducerIdV4,
  joinGroupV7,
  leaveGroupV4,
  listOffsetsV6,
  type MessageRecord,
  metadataV12,
  NumericMap,
  offsetCommitV8,
  offsetFetchV8,
  produceV9,
  syncGroupV5,
  txnOffsetCommitV3,
} from '@platformatic/kafka';
import type { AnswerTo, ProduceBatch, RequestName, Requests } from '../library.ts';
import type { WireRecord } from '../wire.ts';

type Apis = {
  readonly [Name in Exclude<RequestName, 'produce'>]: API<Parameters<Requests[Name]>, AnswerTo<Name>>;
};

/** Every request that is made, in the one version that is used of it. */
const apis: Apis = {
  addOffsetsToTxn: addOffsetsToTxnV3.api,
  addPartitionsToTxn: addPartitionsToTxnV3.api,
  apiVersions: apiVersionsV3.api,
  createTopics: createTopicsV7.api,
  deleteGroups: deleteGroupsV2.api,
  deleteRecords: deleteRecordsV2.api,
  deleteTopics: deleteTopicsV6.api,
  describeConfigs: describeConfigsV4.api,
  endTxn: endTxnV3.api,
  fetch: fetchV12.api,
  findCoordinator: findCoordinatorV4.api,
  heartbeat: heartbeatV4.api,
  initProducerId: initProducerIdV4.api,
  joinGroup: joinGroupV7.api,
  leaveGroup: leaveGroupV4.api,
  listOffsets: listOffsetsV6.api,
  metadata: metadataV12.api,
  offsetCommit: offsetCommitV8.api,
  offsetFetch: offsetFetchV8.api,
  syncGroup: syncGroupV5.api,
  txnOffsetCommit: txnOffsetCommitV3.api,
};

export const needed = [...Object.values(apis), produceV9.api].map(({ key, version }) => ({ key, version }));

type Asking = {
  readonly [Name in RequestName]: (
    connection: Connection,
    ...args: Parameters<Requests[Name]>
  ) => Promise<AnswerTo<Name>>;
};
export const asking: Asking = {
  ...(Object.fromEntries(Object.entries(apis).map(([name, api]) => [name, api.async])) as Omit<Asking, 'produce'>),
  produce,
};

const acksAll = -1;

async function produce(connection: Connection, batch: ProduceBatch): Promise<AnswerTo<'produce'>> {
  const { topic, partition, sequence, timeoutMs, records, ...options } = batch;
  const messages = records.map((record) => messageOf(topic, partition, record));
  const sequences = new NumericMap([[`${topic}:${partition}`, sequence]]);
  const answer = await produceV9.api.async(connection, acksAll, timeoutMs, messages, { ...options, sequences });
  // A boolean only where no acknowledgement was asked for.
  return answer as Exclude<typeof answer, boolean>;
}

/** The library's types know no null, which its code writes as what it is. */
const messageOf = (
  topic: string,
  partition: number,
  { key, value, headers, timestamp }: WireRecord,
): MessageRecord => ({
  topic,
  partition,
  ...(key !== null && { key }),
  value: value as Buffer,
  headers: new Map(headers as readonly (readonly [Buffer, Buffer])[]),
  timestamp: BigInt(timestamp),
});
