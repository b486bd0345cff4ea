import { metadataV12 } from '@platformatic/kafka';
import { checkCode } from '../../errors.ts';
import type {
  AcquiredRecord,
  ShareAcknowledgement,
  ShareFetched,
  ShareSession,
  ShareSessionSpec,
} from '../../share/wire.ts';
import type { Cluster } from '../../protocol/cluster.ts';
import type { BrokerConnection } from '../../library.ts';
import { askAt, askOn } from './asking.ts';
import { BatchRecord, control, headOf } from '../../protocol/fetching.ts';
import {
  acknowledgement,
  type AcknowledgementBatch,
  type PartitionAcknowledgements,
  shareAcknowledge,
  shareFetch,
  type SharePart,
} from './requests.ts';

const maxBytes = 8 << 20;
const leaving = -1;
const unknownTopic = 3;
/** Kafka's own bound for what may be locked of a partition, `group.share.max.partition.max.record.locks`. */
const mostRecords = 10_000;

/**
 * What one member has open with one broker. Its requests carry a number that counts up, so there is one at a time; the
 * first one opens the session. The broker gives back what is held when the session is closed, or its connection ends.
 */
export class BrokerSession implements ShareSession {
  readonly closed: Promise<unknown>;
  readonly #cluster: Cluster;
  readonly #spec: ShareSessionSpec;
  readonly #connection: BrokerConnection;
  readonly #topicId: string;
  /** Those that the broker has been told of. */
  #known: readonly number[] = [];
  #epoch = 0;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(cluster: Cluster, spec: ShareSessionSpec, connection: BrokerConnection, topicId: string) {
    this.#cluster = cluster;
    this.#spec = spec;
    this.#connection = connection;
    this.#topicId = topicId;
    this.closed = connection.closed;
  }

  static async open(cluster: Cluster, spec: ShareSessionSpec): Promise<BrokerSession> {
    const { topics } = await askAt(cluster, spec.leader, metadataV12.api, [spec.topic], false, false);
    checkCode(topics[0]?.errorCode ?? unknownTopic, `a question about the topic "${spec.topic}"`);
    return new BrokerSession(cluster, spec, await cluster.open(spec.leader), topics[0]?.topicId ?? '');
  }

  fetch(partitions: readonly number[], maxRecords: number, maxWaitMs: () => number): Promise<ShareFetched> {
    return this.#inTurn(async () => {
      const { group, memberId, topic } = this.#spec;
      const answer = await askOn(this.#connection, shareFetch, {
        group,
        memberId,
        epoch: this.#nextEpoch(),
        maxWaitMs: maxWaitMs(),
        maxBytes,
        maxRecords: Math.min(maxRecords, mostRecords),
        topicId: this.#topicId,
        partitions: partitions.filter((one) => !this.#known.includes(one)),
        forgotten: this.#known.filter((one) => !partitions.includes(one)),
      });
      checkCode(answer.errorCode, `a fetch of the share group "${group}"`, answer.errorMessage);
      this.#known = [...partitions];
      const failed = answer.parts.find(({ errorCode }) => errorCode !== 0);
      if (failed !== undefined) this.#cluster.forget(topic);
      const found = answer.parts.map((part) => ({ part, records: recordsOf(part) }));
      return {
        records: found.flatMap(({ records }) => records),
        gaps: found.flatMap(({ part, records }) => gapsOf(part, records)),
        errorCode: failed?.errorCode ?? 0,
      };
    });
  }

  acknowledge(said: readonly ShareAcknowledgement[]): Promise<ReadonlyMap<number, number>> {
    return this.#inTurn(async () => {
      const { group } = this.#spec;
      const answer = await this.#acknowledge(this.#nextEpoch(), said);
      checkCode(answer.errorCode, `an acknowledgement in the share group "${group}"`, answer.errorMessage);
      return answer.codes;
    });
  }

  /** With a goodbye, what is held is free at once. */
  async close(): Promise<void> {
    if (this.#epoch > 0 && this.#connection.isOpen && !this.#cluster.isEnded)
      await this.#inTurn(() => this.#acknowledge(leaving, [])).catch(() => undefined);
    this.#connection.close();
  }
  abandon(): void {
    this.#connection.close();
  }

  #acknowledge(epoch: number, said: readonly ShareAcknowledgement[]): ReturnType<(typeof shareAcknowledge)['async']> {
    const { group, memberId } = this.#spec;
    return askOn(this.#connection, shareAcknowledge, {
      group,
      memberId,
      epoch,
      isRenewal: said.some(({ what }) => what === 'renew'),
      topicId: this.#topicId,
      partitions: partitionsOf(said),
    });
  }

  /** Counts to the largest number and begins again at 1; 0 would open another session. */
  #nextEpoch(): number {
    const epoch = this.#epoch;
    this.#epoch = epoch === 0x7fffffff ? 1 : epoch + 1;
    return epoch;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** What was acquired, and nothing else of the batches that it came in. */
function recordsOf({ partition, batches, acquired }: SharePart): AcquiredRecord[] {
  const found: AcquiredRecord[] = [];
  for (const batch of batches) {
    if (batch.attributes & control) continue;
    const head = headOf(batch);
    for (const record of batch.records) {
      const offset = batch.firstOffset + BigInt(record.offsetDelta);
      const range = acquired.find(({ first, last }) => first <= offset && offset <= last);
      if (range === undefined) continue;
      found.push({ partition, record: new BatchRecord(record, head), count: range.count });
    }
  }
  return found;
}

/** Offsets that were acquired and hold no record: markers of transactions, and what compaction removed. */
function gapsOf({ partition, acquired }: SharePart, records: readonly AcquiredRecord[]): ShareAcknowledgement[] {
  const total = acquired.reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0);
  if (total === records.length) return [];
  const isThere = new Set(records.map(({ record }) => record.offset));
  const gaps: ShareAcknowledgement[] = [];
  for (const { first, last } of acquired)
    for (let offset = first; offset <= last; offset++)
      if (!isThere.has(offset)) gaps.push({ partition, offset, what: 'gap' });
  return gaps;
}

/** In ascending order, and what stands side by side in one piece. */
function partitionsOf(said: readonly ShareAcknowledgement[]): readonly PartitionAcknowledgements[] {
  const byPartition = new Map<number, AcknowledgementBatch[]>();
  const ascending = [...said].sort((one, other) => (one.offset < other.offset ? -1 : 1));
  for (const { partition, offset, what } of ascending) {
    const batches = byPartition.get(partition) ?? [];
    byPartition.set(partition, batches);
    const type = acknowledgement[what];
    const before = batches.at(-1);
    if (before !== undefined && before.type === type && before.last + 1n === offset)
      batches[batches.length - 1] = { ...before, last: offset };
    else batches.push({ first: offset, last: offset, type });
  }
  return [...byPartition].map(([partition, batches]) => ({ partition, batches }));
}
