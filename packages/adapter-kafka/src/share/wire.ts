import type { FetchedRecord, MemberSpec } from '../wire.ts';

/** Groups that share records instead of partitions (KIP-932): each record is held by one member, under a lock. */
export interface WireShares {
  join(spec: MemberSpec, owner: ShareMemberOwner): ShareMember;
  openSession(spec: ShareSessionSpec): Promise<ShareSession>;
  /** Only of partitions that the group has begun with. */
  standing(group: string, topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, ShareStanding>>;
  /** Where a group without members begins; rejects while it has some. */
  place(group: string, topic: string, offsets: ReadonlyMap<number, bigint>): Promise<void>;
  /** Settings of the group as Kafka names them, defaults included, and of the brokers what they say of deliveries. */
  settings(group: string, names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  change(group: string, settings: ReadonlyMap<string, string>): Promise<void>;
  /** Members of a group that reads partitions; 0 where there is no such group. */
  classicMembers(group: string): Promise<number>;
}
/** Nothing before `start` is open. `lag`: records that are not settled, where the broker knows. */
export interface ShareStanding {
  readonly start: bigint;
  readonly lag: bigint | undefined;
}

export interface ShareMemberOwner {
  /** Partitions to fetch from now on; others may have them as well. */
  assigned(partitions: readonly number[]): Promise<void>;
  /** It will not come back by itself. */
  failed(error: unknown): void;
}
export interface ShareMember {
  readonly id: string;
  close(): Promise<void>;
}

export interface ShareSessionSpec extends MemberSpec {
  readonly memberId: string;
  readonly leader: number;
}
export interface ShareAcknowledgement {
  readonly partition: number;
  readonly offset: bigint;
  readonly what: 'gap' | 'accept' | 'release' | 'reject' | 'renew';
}

export interface AcquiredRecord {
  readonly partition: number;
  readonly record: FetchedRecord;
  /** Of its deliveries, with this one. */
  readonly count: number;
}
export interface ShareFetched {
  readonly records: readonly AcquiredRecord[];
  /** Locked as well, and no records. */
  readonly gaps: readonly ShareAcknowledgement[];
  /** Of one of the partitions; the records are of the others. 0: none. */
  readonly errorCode: number;
}

/** With one broker, one request at a time: calls wait for those before. */
export interface ShareSession {
  /** As `Link.closed`. What was held is free then. */
  readonly closed: Promise<unknown>;
  /** At most `maxRecords`. The wait is asked for when it is its turn. */
  fetch(partitions: readonly number[], maxRecords: number, maxWaitMs: () => number): Promise<ShareFetched>;
  /** Codes of the protocol by partition: what is said of one takes effect as a whole, or not at all. */
  acknowledge(said: readonly ShareAcknowledgement[]): Promise<ReadonlyMap<number, number>>;
  /** Gives back what is held. */
  close(): Promise<void>;
  /** Without a word. */
  abandon(): void;
}
