import { randomUUID } from 'node:crypto';
import {
  Connection,
  fetchV12,
  findCoordinatorV4,
  initProducerIdV4,
  type MessageRecord,
  NumericMap,
  offsetCommitV8,
  produceV9,
} from '@platformatic/kafka';
import { makeOrder } from '../shared/order.ts';

const timeoutMs = 10_000;
const acksAll = -1;
const header = (name: string, text: string): [Buffer, Buffer] => [Buffer.from(name), Buffer.from(text)];

/** What Waybill sends with every message, so that a raw arm with the same guarantee sends it too. */
export const recordOf = (topic: string, index: number): MessageRecord => ({
  topic,
  partition: 0,
  value: Buffer.from(JSON.stringify(makeOrder(index))),
  headers: new Map([header('id', randomUUID()), header('type', 'application/json')]),
  timestamp: BigInt(Date.now()),
});

async function opened(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  const connection = new Connection('benchmarks', { requestTimeout: timeoutMs, maxInflights: 10_000 });
  await connection.connect(hostname, Number(port));
  return connection;
}

export interface Production {
  /** Resolves when all of them are stored on all replicas, once. */
  produce(records: MessageRecord[]): Promise<void>;
}

/** Idempotent, one request at a time. */
export async function openProduction(url: string, topic: string): Promise<Production> {
  const connection = await opened(url);
  const { producerId, producerEpoch } = await initProducerIdV4.api.async(connection, null, 0, -1n, -1);
  const sequences = new NumericMap();
  const options = { compression: 'none', producerId, producerEpoch, sequences } as const;
  return {
    async produce(records) {
      const answer = await produceV9.api.async(connection, acksAll, timeoutMs, records, options);
      if (typeof answer === 'boolean') throw new Error('Kafka did not answer');
      sequences.set(`${topic}:0`, sequences.getWithDefault(`${topic}:0`, 0) + records.length);
    },
  };
}

export interface Fetching {
  /** Waits for at least one; `next` is where the following call begins. */
  fetch(from: bigint): Promise<{ readonly values: readonly Buffer[]; readonly next: bigint }>;
  /** Everything before this offset is done. */
  commit(offset: bigint): Promise<void>;
}

/** The one partition of a topic, with connections of their own for fetches and commits. */
export async function openFetching(url: string, topic: string, group: string): Promise<Fetching> {
  const [fetches, commits] = await Promise.all([opened(url), opened(url)]);
  await findCoordinatorV4.api.async(commits, 0, [group]);
  return {
    async fetch(from) {
      const partition = {
        partition: 0,
        fetchOffset: from,
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
        partitionMaxBytes: 1 << 20,
      };
      const topics = [{ topicId: topic, partitions: [partition] }];
      const { responses } = await fetchV12.api.async(fetches, 1_000, 1, 8 << 20, 1, 0, -1, topics, [], '');
      const values: Buffer[] = [];
      let next = from;
      for (const batch of responses[0]?.partitions[0]?.records ?? []) {
        for (const { offsetDelta, value } of batch.records)
          if (value !== null && batch.firstOffset + BigInt(offsetDelta) >= from) values.push(value);
        next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
      }
      return { values, next };
    },
    async commit(committedOffset) {
      const one = { partitionIndex: 0, committedOffset, committedLeaderEpoch: -1, committedMetadata: null };
      await offsetCommitV8.api.async(commits, group, -1, '', null, [{ name: topic, partitions: [one] }]);
    },
  };
}
