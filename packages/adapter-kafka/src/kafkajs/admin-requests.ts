import type { AnswerTo, Requests } from '../library.ts';
import { type ByTopic, type Coded, type Exchanges, itself, made, rewritten } from './exchange.ts';
import { Encoder } from './internals.ts';

/** What is asked of brokers and topics. */
export const adminRequests: Exchanges<
  | 'apiVersions'
  | 'metadata'
  | 'findCoordinator'
  | 'describeConfigs'
  | 'createTopics'
  | 'deleteTopics'
  | 'deleteRecords'
  | 'deleteGroups'
  | 'listOffsets'
> = {
  apiVersions: () =>
    made('ApiVersions', {}, ({ apiVersions }: { readonly apiVersions: AnswerTo<'apiVersions'>['apiKeys'] }) => ({
      apiKeys: apiVersions,
    })),

  // kafkajs writes no topics as all topics.
  metadata: (topics, allowAutoTopicCreation) =>
    rewritten(
      'Metadata',
      () => new Encoder().writeArray(topics).writeBoolean(allowAutoTopicCreation),
      made('Metadata', {}, metadataOf),
    ),

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
};

interface TopicErrors {
  readonly topicErrors: readonly (Coded & { readonly topic: string; readonly errorMessage?: string | null })[];
}
interface FoundCoordinator extends Coded {
  readonly errorMessage: string | null;
  readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
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
