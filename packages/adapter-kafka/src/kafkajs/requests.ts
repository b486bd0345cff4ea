import type { AnswerTo, FetchedPart, RequestName, Requests } from '../library.ts';
import { Decoder, Encoder, type Exchange, requests } from './internals.ts';
import { readOffsetFetch, readTxnOffsetCommit, writeOffsetFetch, writeTxnOffsetCommit } from './offsets.ts';
import { readBatches, writeBatch } from './record-batch.ts';

type Exchanges = {
  readonly [Name in RequestName]: (...args: Parameters<Requests[Name]>) => Exchange<AnswerTo<Name>>;
};

/** Of what is asked by kafkajs's own writers and readers: the newest version that it has. */
const versions = {
  AddOffsetsToTxn: [25, 1],
  AddPartitionsToTxn: [24, 1],
  ApiVersions: [18, 2],
  CreateTopics: [19, 3],
  DeleteGroups: [42, 1],
  DeleteRecords: [21, 1],
  DeleteTopics: [20, 1],
  DescribeConfigs: [32, 2],
  EndTxn: [26, 1],
  Fetch: [1, 11],
  GroupCoordinator: [10, 2],
  Heartbeat: [12, 3],
  InitProducerId: [22, 1],
  JoinGroup: [11, 5],
  LeaveGroup: [13, 3],
  ListOffsets: [2, 3],
  Metadata: [3, 6],
  OffsetCommit: [8, 5],
  Produce: [0, 7],
  SyncGroup: [14, 3],
} as const satisfies Record<string, readonly [key: number, version: number]>;
/** Written and read here: what kafkajs has of them does not ask for stable offsets, and says nothing of the member. */
const offsetFetch = [9, 7] as const;
const txnOffsetCommit = [28, 3] as const;

export const needed = [...Object.values(versions), offsetFetch, txnOffsetCommit].map(([key, version]) => ({
  key,
  version,
}));

/** As kafkajs asks it; what it decodes is read, with its error codes, and what it would make of them is not. */
function made<Answer, Result>(
  name: keyof typeof versions,
  args: object,
  read: (answer: Answer) => Result,
): Exchange<Result> {
  const definition = requests[name];
  if (definition === undefined) throw new TypeError(`kafkajs has no request ${name}`);
  const { request, response } = definition.protocol({ version: versions[name][1] })(args) as Exchange<Answer>;
  return { request, response: { decode: async (bytes) => read(await response.decode(bytes)) } };
}

/** With kafkajs's letters, where its words will not do. */
const written = <Result>(
  apiName: string,
  [apiKey, apiVersion]: readonly [number, number],
  write: () => Encoder,
  read: (decoder: Decoder) => Result,
): Exchange<Result> => ({
  request: { apiKey, apiVersion, apiName, encode: () => Promise.resolve(write()) },
  response: { decode: (bytes) => Promise.resolve(read(new Decoder(bytes))) },
});

export const exchangeOf = <Name extends RequestName>(
  name: Name,
  ...args: Parameters<Requests[Name]>
): Exchange<AnswerTo<Name>> => exchanges[name](...args);

interface Coded {
  readonly errorCode: number;
}
interface TopicErrors {
  readonly topicErrors: readonly (Coded & { readonly topic: string; readonly errorMessage?: string | null })[];
}
const itself = <T>(answer: T): T => answer;

const exchanges: Exchanges = {
  apiVersions: () =>
    made('ApiVersions', {}, ({ apiVersions }: { readonly apiVersions: AnswerTo<'apiVersions'>['apiKeys'] }) => ({
      apiKeys: apiVersions,
    })),

  // kafkajs writes no topics as all topics.
  metadata: (topics, allowAutoTopicCreation) => {
    const { response } = made('Metadata', {}, metadataOf);
    const [apiKey, apiVersion] = versions.Metadata;
    const encode = (): Promise<Encoder> =>
      Promise.resolve(new Encoder().writeArray(topics).writeBoolean(allowAutoTopicCreation));
    return { request: { apiKey, apiVersion, apiName: 'Metadata', encode }, response };
  },

  findCoordinator: (coordinatorType, [groupId]) =>
    made('GroupCoordinator', { groupId, coordinatorType }, ({ coordinator, ...rest }: FoundCoordinator) => ({
      coordinators: [{ ...coordinator, ...rest }],
    })),

  describeConfigs: (resources, includeSynonyms) =>
    made('DescribeConfigs', { resources: resources.map(resourceOf), includeSynonyms }, configsOf),

  createTopics: (topics, timeout, validateOnly) =>
    made('CreateTopics', { topics: topics.map(newTopicOf), timeout, validateOnly }, ({ topicErrors }: TopicErrors) => ({
      topics: topicErrors.map(({ topic, errorCode, errorMessage }) => ({ name: topic, errorCode, errorMessage })),
    })),

  deleteTopics: (topics, timeout) =>
    made('DeleteTopics', { topics: topics.map(({ name }) => name), timeout }, ({ topicErrors }: TopicErrors) => ({
      responses: topicErrors.map(({ errorCode }) => ({ errorCode, errorMessage: undefined })),
    })),

  deleteRecords: (topics, timeout) =>
    made(
      'DeleteRecords',
      {
        topics: topics.map(({ name, partitions }) => ({
          topic: name,
          partitions: partitions.map(({ partitionIndex, offset }) => ({ partition: partitionIndex, offset })),
        })),
        timeout,
      },
      itself<AnswerTo<'deleteRecords'>>,
    ),

  deleteGroups: (groups) => made('DeleteGroups', groups, itself<AnswerTo<'deleteGroups'>>),

  initProducerId: (transactionalId, transactionTimeout) =>
    made(
      'InitProducerId',
      { transactionalId, transactionTimeout },
      ({ errorCode, producerId, producerEpoch }: Coded & { producerId: string; producerEpoch: number }) => ({
        errorCode,
        producerId: BigInt(producerId),
        producerEpoch,
      }),
    ),

  addPartitionsToTxn: ([transaction]) => {
    const topics = transaction?.topics.map(({ name, partitions }) => ({ topic: name, partitions }));
    return made('AddPartitionsToTxn', { ...transaction, topics }, ({ errors }: PartitionErrors) => ({
      resultsByTransaction: [
        {
          topicResults: errors.map(({ partitionErrors }) => ({
            resultsByPartition: partitionErrors.map(({ errorCode }) => ({ partitionErrorCode: errorCode })),
          })),
        },
      ],
    }));
  },

  addOffsetsToTxn: (transactionalId, producerId, producerEpoch, groupId) =>
    made('AddOffsetsToTxn', { transactionalId, producerId, producerEpoch, groupId }, itself<Coded>),

  endTxn: (transactionalId, producerId, producerEpoch, transactionResult) =>
    made('EndTxn', { transactionalId, producerId, producerEpoch, transactionResult }, itself<Coded>),

  txnOffsetCommit: (...args) =>
    written('TxnOffsetCommit', txnOffsetCommit, () => writeTxnOffsetCommit(...args), readTxnOffsetCommit),

  // kafkajs takes headers by name, so it writes no name twice, and it fails at a header without a value.
  produce: (batch) => {
    const { response } = made('Produce', {}, producedOf);
    const [apiKey, apiVersion] = versions.Produce;
    const encode = (): Promise<Encoder> =>
      Promise.resolve(
        new Encoder()
          .writeString(batch.transactionalId ?? null)
          .writeInt16(acksAll)
          .writeInt32(batch.timeoutMs)
          .writeInt32(1)
          .writeString(batch.topic)
          .writeInt32(1)
          .writeInt32(batch.partition)
          .writeBytes(writeBatch(batch)),
      );
    return { request: { apiKey, apiVersion, apiName: 'Produce', encode }, response };
  },

  fetch: (
    maxWaitTime,
    minBytes,
    maxBytes,
    isolationLevel,
    sessionId,
    sessionEpoch,
    topics,
    forgottenTopics,
    rackId,
  ) => {
    const asked = topics.map(({ topicId, partitions }) => ({
      topic: topicId,
      partitions: partitions.map(({ partitionMaxBytes, ...one }) => ({ ...one, maxBytes: partitionMaxBytes })),
    }));
    const all = { replicaId: -1, maxWaitTime, minBytes, maxBytes, isolationLevel, sessionId, sessionEpoch };
    const { request } = made('Fetch', { ...all, topics: asked, forgottenTopics, rackId }, itself);
    return { request, response: { decode: (bytes) => Promise.resolve(fetchedOf(new Decoder(bytes))) } };
  },

  listOffsets: (replicaId, isolationLevel, topics) =>
    made(
      'ListOffsets',
      {
        replicaId,
        isolationLevel,
        topics: topics.map(({ name, partitions }) => ({
          topic: name,
          partitions: partitions.map(({ partitionIndex, timestamp }) => ({ partition: partitionIndex, timestamp })),
        })),
      },
      ({ responses }: ByTopic<{ readonly offset: string }>) => ({
        topics: responses.map(({ partitions }) => ({
          partitions: partitions.map(({ partition, errorCode, offset }) => ({
            partitionIndex: partition,
            errorCode,
            offset: BigInt(offset),
          })),
        })),
      }),
    ),

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

const acksAll = -1;

interface PartitionErrors {
  readonly errors: readonly { readonly partitionErrors: readonly Coded[] }[];
}

interface ByTopic<Part> {
  readonly responses: readonly { readonly partitions: readonly (Coded & Part & { readonly partition: number })[] }[];
}
interface FoundCoordinator extends Coded {
  readonly errorMessage: string | null;
  readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
}
interface Joined extends Coded {
  readonly generationId: number;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
}

interface Metadata {
  readonly brokers: AnswerTo<'metadata'>['brokers'];
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly topic: string;
    readonly partitionMetadata: readonly {
      readonly partitionId: number;
      readonly leader: number;
      readonly replicas: readonly number[];
    }[];
  }[];
}
const metadataOf = ({ brokers, topicMetadata }: Metadata): AnswerTo<'metadata'> => ({
  brokers,
  topics: topicMetadata.map(({ topic, topicErrorCode, partitionMetadata }) => ({
    name: topic,
    errorCode: topicErrorCode,
    partitions: partitionMetadata.map(({ partitionId, leader, replicas }) => ({
      partitionIndex: partitionId,
      leaderId: leader,
      replicaNodes: replicas,
    })),
  })),
});

const resourceOf = (one: Parameters<Requests['describeConfigs']>[0][number]): object => ({
  type: one.resourceType,
  name: one.resourceName,
  configNames: one.configurationKeys ?? [],
});
interface Configs {
  readonly resources: readonly {
    readonly resourceName: string;
    readonly configEntries: readonly { readonly configName: string; readonly configValue: string | null }[];
  }[];
}
const configsOf = ({ resources }: Configs): AnswerTo<'describeConfigs'> => ({
  results: resources.map(({ resourceName, configEntries }) => ({
    resourceName,
    configs: configEntries.map(({ configName, configValue }) => ({ name: configName, value: configValue })),
  })),
});

const newTopicOf = (one: Parameters<Requests['createTopics']>[0][number]): object => ({
  topic: one.name,
  numPartitions: one.numPartitions,
  replicationFactor: one.replicationFactor,
  configEntries: one.configs,
});

interface ProduceAnswer {
  readonly topics: readonly { readonly partitions: readonly (Coded & { readonly baseOffset: string })[] }[];
}
const producedOf = ({ topics }: ProduceAnswer): AnswerTo<'produce'> => ({
  responses: topics.map(({ partitions }) => ({
    partitionResponses: partitions.map(({ errorCode, baseOffset }) => ({
      errorCode,
      baseOffset: BigInt(baseOffset),
      errorMessage: undefined,
    })),
  })),
});

/** kafkajs would drop a codec that it lacks with its whole consumer, and makes one list of all batches. */
function fetchedOf(decoder: Decoder): AnswerTo<'fetch'> {
  decoder.readInt32();
  decoder.readInt16();
  decoder.readInt32();
  const responses = decoder.readArray(() => {
    decoder.readString();
    return { partitions: decoder.readArray(fetchedPart) };
  });
  return { responses };
}
function fetchedPart(decoder: Decoder): FetchedPart {
  const partitionIndex = decoder.readInt32();
  const errorCode = decoder.readInt16();
  decoder.readInt64();
  decoder.readInt64();
  decoder.readInt64();
  const abortedTransactions = decoder.readArray(() => ({
    producerId: decoder.readInt64(),
    firstOffset: decoder.readInt64(),
  }));
  decoder.readInt32();
  return { partitionIndex, errorCode, abortedTransactions, records: readBatches(decoder.readBytes() ?? nothing) };
}
const nothing = Buffer.alloc(0);
