import type { BatchedRecord, BrokerConnection, FetchedPart, RecordBatch } from '../library.ts';
import type { Fetched, FetchedRecord, Fetcher, Header, RawRecord } from '../wire.ts';
import type { Cluster } from './cluster.ts';

const readCommitted = 1;
const partitionMaxBytes = 1 << 20;
const requestMaxBytes = 8 << 20;
/** Bits of a batch's attributes: message timestamp is the broker's, part of a transaction, transaction marker. */
const appendTime = 0x08;
const transactional = 0x10;
export const control = 0x20;
const abortMarker = 0;

/** Own connections: a request that waits for messages holds up whatever comes after it. */
export class TopicFetcher implements Fetcher {
  readonly #cluster: Cluster;
  readonly #topic: string;
  readonly #connections = new Map<number, Promise<BrokerConnection>>();
  #isClosed = false;

  constructor(cluster: Cluster, topic: string) {
    this.#cluster = cluster;
    this.#topic = topic;
  }

  async fetch(leader: number, from: ReadonlyMap<number, bigint>, maxWaitMs: number): Promise<readonly Fetched[]> {
    const partitions = [...from].map(([partition, fetchOffset]) => ({
      partition,
      fetchOffset,
      partitionMaxBytes,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
    }));
    const connection = await this.#connected(leader);
    const topics = [{ topicId: this.#topic, partitions }];
    const { responses } = await connection.ask(
      'fetch',
      maxWaitMs,
      1,
      requestMaxBytes,
      readCommitted,
      0,
      -1,
      topics,
      [],
      '',
    );
    const parts = responses.flatMap((one) => one.partitions);
    if (parts.some(({ errorCode }) => errorCode !== 0)) this.#cluster.forget(this.#topic);
    return parts.map((part) => fetchedOf(part, from.get(part.partitionIndex) ?? 0n));
  }

  async warm(): Promise<void> {
    const { leaders } = await this.#cluster.layout(this.#topic).catch(() => nobody);
    await Promise.allSettled([...new Set(leaders)].map((leader) => this.#connected(leader)));
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#connections.values()) void connection.then((one) => one.close(), ignored);
  }

  async #connected(leader: number): Promise<BrokerConnection> {
    const known = await this.#connections.get(leader)?.catch(ignored);
    if (known?.isOpen) return known;
    const opening = this.#cluster.open(leader);
    this.#connections.set(leader, opening);
    const connection = await opening;
    if (this.#isClosed) connection.close();
    return connection;
  }
}

const nobody: { readonly leaders: readonly number[] } = { leaders: [] };
/** Whoever asks for it again is told. */
const ignored = (): undefined => undefined;

/**
 * Read committed: the broker names the transactions that were aborted, and this leaves their records out. A producer may
 * have aborted more than once, and the marker that ends one may be in a later answer.
 */
function fetchedOf(
  { partitionIndex: partition, errorCode, abortedTransactions, records: batches }: FetchedPart,
  from: bigint,
): Fetched {
  const aborted = [...(abortedTransactions ?? [])].sort((one, other) => (one.firstOffset < other.firstOffset ? -1 : 1));
  const open = new Set<bigint>();
  const records: FetchedRecord[] = [];
  let next = from;
  for (const batch of batches ?? []) {
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta);
    while (aborted[0] !== undefined && aborted[0].firstOffset <= last) open.add(aborted.shift()?.producerId ?? -1n);
    if (batch.attributes & control) {
      if (batch.records[0]?.key?.readInt16BE(2) === abortMarker) open.delete(batch.producerId);
    } else if (!(batch.attributes & transactional && open.has(batch.producerId))) collect(batch, from, records);
    next = last + 1n;
  }
  return { partition, errorCode, records, next: next > from ? next : from };
}

/** The first batch may begin before what was asked for. */
function collect(batch: RecordBatch, from: bigint, into: FetchedRecord[]): void {
  const head = headOf(batch);
  const { firstOffset } = batch;
  const before = from > firstOffset ? Number(from - firstOffset) : 0;
  for (const record of batch.records) if (record.offsetDelta >= before) into.push(new BatchRecord(record, head));
}

/** What the records of a batch have in common. It does not keep them. */
interface Head {
  readonly firstOffset: bigint;
  /** By the broker, all of them alike. */
  readonly isStamped: boolean;
  readonly timestamp: bigint;
}

export function headOf({ attributes, firstOffset, maxTimestamp, firstTimestamp }: RecordBatch): Head {
  const isStamped = (attributes & appendTime) !== 0;
  return { firstOffset, isStamped, timestamp: isStamped ? maxTimestamp : firstTimestamp };
}

/** What the library decoded, and what it says of its batch; the rest is worked out when somebody looks. */
export class BatchRecord implements FetchedRecord {
  readonly #record: BatchedRecord;
  readonly #head: Head;
  constructor(record: BatchedRecord, head: Head) {
    this.#record = record;
    this.#head = head;
  }
  get offset(): bigint {
    return this.#head.firstOffset + BigInt(this.#record.offsetDelta);
  }
  get timestamp(): number {
    const { timestamp, isStamped } = this.#head;
    return Number(isStamped ? timestamp : timestamp + this.#record.timestampDelta);
  }
  get key(): Buffer | null {
    return this.#record.key;
  }
  get value(): Buffer | null {
    return this.#record.value;
  }
  /** The protocol has no header without a name; the library's types do. */
  get headers(): RawRecord['headers'] {
    return this.#record.headers as readonly Header[];
  }
}
