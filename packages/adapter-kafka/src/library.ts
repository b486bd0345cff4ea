import type { Compression, Host, Settings } from './options.ts';
import type { Cluster } from './protocol/cluster.ts';
import type { WireShares } from './share/wire.ts';
import type { WireRecord } from './wire.ts';

/**
 * What a client library does here: connections to one broker, requests written and answers read. Who is asked, when, and
 * again, is decided above it, and is the same for every library.
 */
export interface Library {
  /** Every request that is made, in the one version that the library makes of it. */
  readonly needed: readonly { readonly key: number; readonly version: number }[];
  /** `patienceMs`: a request that is open for longer ends the connection. @default `requestTimeoutMs` */
  open(settings: Settings, host: Host, patienceMs?: number): Promise<BrokerConnection>;
  /** Share groups, where the brokers have them too. Absent where the library cannot carry their requests. */
  shares?(cluster: Cluster): Promise<WireShares | undefined>;
}

/** One connection to one broker. It never heals; requests are answered in their order, so long ones have their own. */
export interface BrokerConnection {
  /** Resolves with the cause when it was lost, with `undefined` after `close`. */
  readonly closed: Promise<unknown>;
  /** The library's own. */
  readonly native: unknown;
  readonly isOpen: boolean;
  /** An answer that holds error codes is an answer. Rejects when there is none. */
  ask<Name extends RequestName>(name: Name, ...args: Parameters<Requests[Name]>): Promise<AnswerTo<Name>>;
  /** At once: nobody waits for a goodbye. */
  close(): void;
}

export type RequestName = keyof Requests;
export type AnswerTo<Name extends RequestName> = ReturnType<Requests[Name]>;

/** The requests of the protocol, in its words: kafka.apache.org/protocol.html. Of the answers what is read here. */
export interface Requests {
  apiVersions(
    clientSoftwareName: string,
    clientSoftwareVersion: string,
  ): {
    readonly apiKeys: readonly { readonly apiKey: number; readonly minVersion: number; readonly maxVersion: number }[];
  };
  metadata(
    topics: string[],
    allowAutoTopicCreation: boolean,
    includeTopicAuthorizedOperations: boolean,
  ): {
    readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
    readonly topics: readonly {
      readonly errorCode: number;
      readonly name: string | null | undefined;
      readonly partitions: readonly {
        readonly partitionIndex: number;
        readonly leaderId: number;
        readonly replicaNodes: readonly number[];
      }[];
    }[];
  };
  findCoordinator(
    keyType: number,
    coordinatorKeys: string[],
  ): {
    readonly coordinators: readonly (Coded & {
      readonly nodeId: number;
      readonly host: string;
      readonly port: number;
      readonly errorMessage: Text;
    })[];
  };
  describeConfigs(
    resources: ConfigResource[],
    includeSynonyms: boolean,
    includeDocumentation: boolean,
  ): {
    readonly results: readonly {
      readonly resourceName: string;
      readonly configs: readonly { readonly name: string; readonly value: Text }[];
    }[];
  };
  createTopics(
    topics: NewTopic[],
    timeoutMs: number,
    validateOnly: boolean,
  ): {
    readonly topics: readonly (Coded & { readonly name: string; readonly errorMessage: Text })[];
  };
  deleteTopics(
    topics: { name: string }[],
    timeoutMs: number,
  ): {
    readonly responses: readonly (Coded & { readonly errorMessage: Text })[];
  };
  deleteRecords(
    topics: { name: string; partitions: { partitionIndex: number; offset: bigint }[] }[],
    timeoutMs: number,
  ): { readonly topics: readonly { readonly partitions: readonly Coded[] }[] };
  deleteGroups(groups: string[]): { readonly results: readonly Coded[] };
  initProducerId(
    transactionalId: string | null,
    transactionTimeoutMs: number,
    producerId: bigint,
    producerEpoch: number,
  ): Coded & { readonly producerId: bigint; readonly producerEpoch: number };
  addPartitionsToTxn(transactions: OpenTransaction[]): {
    readonly resultsByTransaction: readonly {
      readonly topicResults: readonly {
        readonly resultsByPartition: readonly { readonly partitionErrorCode: number }[];
      }[];
    }[];
  };
  addOffsetsToTxn(transactionalId: string, producerId: bigint, producerEpoch: number, groupId: string): Coded;
  endTxn(transactionalId: string, producerId: bigint, producerEpoch: number, committed: boolean): Coded;
  produce(batch: ProduceBatch): {
    readonly responses: readonly {
      readonly partitionResponses: readonly (Coded & { readonly baseOffset: bigint; readonly errorMessage: Text })[];
    }[];
  };
  fetch(
    maxWaitMs: number,
    minBytes: number,
    maxBytes: number,
    isolationLevel: number,
    sessionId: number,
    sessionEpoch: number,
    topics: { topicId: string; partitions: FetchPartition[] }[],
    forgottenTopics: never[],
    rackId: string,
  ): { readonly responses: readonly { readonly partitions: readonly FetchedPart[] }[] };
  listOffsets(
    replica: number,
    isolationLevel: number,
    topics: {
      name: string;
      partitions: { partitionIndex: number; currentLeaderEpoch: number; timestamp: bigint }[];
    }[],
  ): {
    readonly topics: readonly {
      readonly partitions: readonly (Coded & { readonly partitionIndex: number; readonly offset: bigint })[];
    }[];
  };
  offsetFetch(
    groups: {
      groupId: string;
      memberId: string | null;
      memberEpoch: number;
      topics: { name: string; partitionIndexes: number[] }[];
    }[],
    requireStable: boolean,
  ): {
    readonly groups: readonly (Coded & {
      readonly topics: readonly {
        readonly partitions: readonly (Coded & {
          readonly partitionIndex: number;
          readonly committedOffset: bigint;
        })[];
      }[];
    })[];
  };
  offsetCommit(
    groupId: string,
    generationId: number,
    memberId: string,
    groupInstanceId: string | null,
    topics: { name: string; partitions: CommitPartition[] }[],
  ): CommitAnswer;
  txnOffsetCommit(
    transactionalId: string,
    groupId: string,
    producerId: bigint,
    producerEpoch: number,
    generationId: number,
    memberId: string,
    groupInstanceId: string | null,
    topics: { name: string; partitions: CommitPartition[] }[],
  ): CommitAnswer;
  joinGroup(
    groupId: string,
    sessionTimeoutMs: number,
    rebalanceTimeoutMs: number,
    memberId: string,
    groupInstanceId: string | null,
    protocolType: string,
    protocols: { name: string; metadata: Buffer }[],
  ): Coded & {
    readonly generationId: number;
    readonly leader: string;
    readonly memberId: string;
    readonly members: readonly { readonly memberId: string; readonly metadata: Buffer }[];
  };
  syncGroup(
    groupId: string,
    generationId: number,
    memberId: string,
    groupInstanceId: string | null,
    protocolType: string,
    protocolName: string,
    assignments: { memberId: string; assignment: Buffer }[],
  ): Coded & { readonly assignment: Buffer };
  heartbeat(groupId: string, generationId: number, memberId: string, groupInstanceId: string | null): Coded;
  leaveGroup(groupId: string, members: { memberId: string; groupInstanceId: string | null }[]): Coded;
}

type Text = string | null | undefined;
interface Coded {
  /** 0: none. */
  readonly errorCode: number;
}
interface ConfigResource {
  readonly resourceType: 2 | 4;
  readonly resourceName: string;
  readonly configurationKeys?: string[];
}
interface NewTopic {
  readonly name: string;
  readonly numPartitions: number;
  readonly replicationFactor: number;
  readonly assignments: never[];
  readonly configs: { name: string; value: string }[];
}
interface OpenTransaction {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly verifyOnly: boolean;
  readonly topics: { name: string; partitions: number[] }[];
}
/** One batch to one partition, acknowledged by all replicas that are in sync. */
export interface ProduceBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly WireRecord[];
  readonly compression: Compression;
  readonly timeoutMs: number;
  /** -1: not idempotent. */
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** Number of the first record among those of this producer in this partition. */
  readonly sequence: number;
  /** What is produced is part of a transaction. */
  readonly transactionalId?: string;
}
interface FetchPartition {
  readonly partition: number;
  readonly fetchOffset: bigint;
  readonly partitionMaxBytes: number;
  readonly currentLeaderEpoch: number;
  readonly lastFetchedEpoch: number;
}
export interface FetchedPart extends Coded {
  readonly partitionIndex: number;
  readonly abortedTransactions:
    | readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]
    | null
    | undefined;
  readonly records?: readonly RecordBatch[] | null;
}
export interface RecordBatch {
  readonly firstOffset: bigint;
  readonly lastOffsetDelta: number;
  readonly attributes: number;
  readonly firstTimestamp: bigint;
  readonly maxTimestamp: bigint;
  readonly producerId: bigint;
  readonly records: readonly BatchedRecord[];
}
export interface BatchedRecord {
  readonly offsetDelta: number;
  readonly timestampDelta: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** The protocol has no header without a name; types of a library may. */
  readonly headers: readonly (readonly [name: Buffer | null, value: Buffer | null])[];
}
interface CommitPartition {
  readonly partitionIndex: number;
  readonly committedOffset: bigint;
  readonly committedLeaderEpoch: number;
  readonly committedMetadata: string | null;
}
interface CommitAnswer {
  readonly topics: readonly { readonly partitions: readonly (Coded & { readonly partitionIndex: number })[] }[];
}
