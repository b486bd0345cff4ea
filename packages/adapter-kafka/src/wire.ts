import type { WireShares } from './share/wire.ts';
import type { Connection } from '@platformatic/kafka';
import type { Transacted } from '@waybill/core/driver';

/**
 * What the adapter needs of a client library, and no more: requests without retries. What a library does by itself
 * beyond that is switched off or worked around behind this interface. Offsets are bigint, partitions are numbers.
 */
export interface Wire {
  /** The library's own objects, for users. */
  readonly native: KafkaConnections;
  /** As `Link.closed`. */
  readonly closed: Promise<unknown>;
  /** Largest batch of records that the brokers take, unless a topic says otherwise. */
  readonly batchMaxBytes: number;
  /** How many partitions a topic has, from memory unless `fresh`. Rejects with UNKNOWN_TOPIC_OR_PARTITION. */
  partitionsOf(topic: string, fresh?: boolean): Promise<number>;
  /** One batch to one partition, one at a time for each partition. Never rejects. */
  produce(topic: string, partition: number, records: readonly WireRecord[]): Promise<Produced>;
  /** Partitions by the broker that is to be asked for them. */
  leadersOf(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, readonly number[]>>;
  /** Offsets by time in milliseconds, or at the ends; the end where nothing is that late. */
  offsetsAt(topic: string, wanted: ReadonlyMap<number, Moment>): Promise<ReadonlyMap<number, bigint>>;
  /**
   * Only of partitions that the group has an offset for. `isSettled`, unless it is false: fails in a way that passes while
   * a transaction is open that would write another.
   */
  committed(
    group: string,
    topic: string,
    partitions: readonly number[],
    isSettled?: boolean,
  ): Promise<ReadonlyMap<number, bigint>>;
  /** Writes offsets of a group without members; rejects while it has some. */
  place(group: string, topic: string, offsets: ReadonlyMap<number, bigint>): Promise<void>;
  join(spec: MemberSpec, owner: MemberOwner): Member;
  /** Absent where the library cannot fence a transaction by the member of a group. Asks for nothing yet. */
  openTransactions?(group: string): Transactions;
  /** Reads partitions; each has its own connections. */
  openFetcher(topic: string): Fetcher;
  readonly topics: WireTopics;
  /** Share groups; `undefined` where the library or the brokers have none. */
  readonly shares?: WireShares | undefined;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** `Link.native`: the client library's connections that are open now, of links and receivers. */
export type KafkaConnections =
  | { readonly client: 'platformatic'; readonly connections: readonly Connection[] }
  | { readonly client: 'kafkajs'; readonly connections: readonly KafkaJsConnection[] };

/** What can be relied on of a connection of kafkajs, which it has no types for. */
export interface KafkaJsConnection {
  readonly host: string;
  readonly port: number;
  isConnected(): boolean;
}

export type Moment = 'earliest' | 'latest' | { readonly timestamp: number };

/** Names may come more than once, and values may be missing. */
export type Header = readonly [name: Buffer, value: Buffer | null];

export interface WireRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
  /** Epoch milliseconds. */
  readonly timestamp: number;
}

/** `retry`: certainly not stored, and the same records may be, in smaller batches. */
export type Produced =
  | { readonly outcome: 'stored'; readonly offset: bigint | undefined }
  | { readonly outcome: 'rejected' | 'unknown'; readonly error: unknown };

/** A record as it came in, not decoded. */
export interface RawRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
}
export interface FetchedRecord extends RawRecord {
  readonly offset: bigint;
  /** Epoch milliseconds: the producer's, or the broker's where the topic says so. */
  readonly timestamp: number;
}

export interface Fetched {
  readonly partition: number;
  /** Of the protocol; 0: none. */
  readonly errorCode: number;
  readonly records: readonly FetchedRecord[];
  /** Where to go on. Behind the last record, or further where there are records that nobody may see. */
  readonly next: bigint;
}
export interface Fetcher {
  /** Connects, so that the first fetch need not. Never rejects: what goes wrong shows then. */
  warm(): Promise<void>;
  fetch(leader: number, from: ReadonlyMap<number, bigint>, maxWaitMs: number): Promise<readonly Fetched[]>;
  close(): void;
}

export interface MemberSpec {
  readonly group: string;
  readonly topic: string;
}
/** Told by a member of a group. */
export interface MemberOwner {
  /** Partitions that are ours from now on, and where their group stands. */
  assigned(partitions: readonly number[]): Promise<void>;
  /** They go when this resolves. Meanwhile nobody else has them. */
  revoking(partitions: readonly number[], withinMs: number): Promise<void>;
  /** They are gone: another may have them already. */
  lost(partitions: readonly number[]): void;
  /** A round of joining is over; what it gave, if anything, was told before. */
  joined(): void;
  /** It will not come back by itself. */
  failed(error: unknown): void;
}
export interface Member {
  /** Codes of the protocol by partition: 0 is written. Rejects when nobody can know. */
  commit(offsets: ReadonlyMap<number, bigint>, within?: TransactionIdentity): Promise<ReadonlyMap<number, number>>;
  /** Without a promise its group was heard of within a session. Otherwise what it holds may be another's; it resolves with news. */
  assured?(): Promise<void> | undefined;
  /** Leaves the group, so that others need not wait for the end of the session. */
  close(): Promise<void>;
}

/** Whom the brokers take for the producer of a transaction. */
export interface TransactionIdentity {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}
export interface TransactionPlan {
  /** Everything that is produced to, by topic. */
  readonly partitions: ReadonlyMap<string, readonly number[]>;
  /** Produces, one call at a time for each partition; rejects, with nothing on its way, when something is not stored. */
  readonly fill: (produce: Wire['produce']) => Promise<void>;
  /** Writes the positions of the group, if there are any. What passes is tried again. */
  readonly commit: ((within: TransactionIdentity) => Promise<void>) | undefined;
}
/** The transactions of one member, one after the other; nothing is open between them. */
export interface Transactions {
  /** Never rejects. `lost` only where somebody else ended it; why `commit` failed is in the error. */
  run(plan: TransactionPlan): Promise<Transacted>;
}

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number | undefined;
  readonly config: Readonly<Record<string, string>>;
}
export interface WireTopics {
  /** Resolves when it can be used; does nothing where it exists. */
  create(topics: readonly TopicSpec[]): Promise<void>;
  /** Those that exist, with how they are. */
  describe(names: readonly string[]): Promise<ReadonlyMap<string, TopicSpec>>;
  /** Resolves when it is gone; does nothing where it is not there. */
  remove(name: string): Promise<void>;
  /** Nothing before these offsets is kept. */
  trim(topic: string, before: ReadonlyMap<number, bigint>): Promise<void>;
  /** Forgets a group without members. */
  removeGroup(group: string): Promise<void>;
}
