import { createAPI, Reader, readRecordsBatches, type RecordsBatch, Writer } from '@platformatic/kafka';

// The requests of share groups (KIP-932), which the library does not have: https://kafka.apache.org/43/design/protocol/
// The versions are those of Kafka 4.2, which brought renewed locks (KIP-1222) and strict limits of records (KIP-1206).

/** How each of them begins. */
export interface Answer {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

interface Heartbeat extends Answer {
  readonly memberEpoch: number;
  readonly heartbeatIntervalMs: number;
  /** Partitions of the one topic; absent while they are what was told before. */
  readonly assignment: readonly number[] | null;
}

/** `epoch` 0 joins and -1 leaves. The topics go with the first one only. */
export const heartbeat = createAPI<
  [group: string, memberId: string, epoch: number, topics: readonly string[] | null],
  Heartbeat
>(
  76,
  1,
  (group: string, memberId: string, epoch: number, topics: string[] | null) =>
    Writer.create()
      .appendString(group)
      .appendString(memberId)
      .appendInt32(epoch)
      .appendString(null)
      .appendArray(topics, (writer, topic) => writer.appendString(topic), true, false)
      .appendTaggedFields(),
  (_id, _key, _version, reader) => {
    reader.readInt32();
    const errorCode = reader.readInt16();
    const errorMessage = reader.readNullableString();
    reader.readNullableString();
    const memberEpoch = reader.readInt32();
    const heartbeatIntervalMs = reader.readInt32();
    const assignment = reader.readNullableStruct(() => readPartitions(reader));
    return { errorCode, errorMessage, memberEpoch, heartbeatIntervalMs, assignment };
  },
);

const readPartitions = (reader: Reader): readonly number[] =>
  reader
    .readArray((topic) => {
      topic.readUUID();
      return topic.readArray((one) => one.readInt32(), true, false);
    })
    .flat();

/** What is said of records that were acquired, as the protocol numbers it. */
export const acknowledgement = { gap: 0, accept: 1, release: 2, reject: 3, renew: 4 } as const;
export interface AcknowledgementBatch {
  readonly first: bigint;
  readonly last: bigint;
  readonly type: number;
}
/** One partition of the session's topic, and what is said of its records. */
export interface PartitionAcknowledgements {
  readonly partition: number;
  readonly batches: readonly AcknowledgementBatch[];
}

interface FetchRequest {
  readonly group: string;
  readonly memberId: string;
  /** 0 opens a session and -1 ends it; else one more than with the request before. */
  readonly epoch: number;
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxRecords: number;
  readonly topicId: string;
  /** New in the session. */
  readonly partitions: readonly number[];
  /** No longer in it. */
  readonly forgotten: readonly number[];
}

interface AcquiredRange {
  readonly first: bigint;
  readonly last: bigint;
  readonly count: number;
}
export interface SharePart {
  readonly partition: number;
  readonly errorCode: number;
  /** Whole batches, of which only what was acquired is ours. */
  readonly batches: readonly RecordsBatch[];
  readonly acquired: readonly AcquiredRange[];
}
interface ShareFetched extends Answer {
  readonly parts: readonly SharePart[];
}

/** Never more records than asked for; otherwise the broker rounds up to whole batches. */
const recordLimit = 1;

export const shareFetch = createAPI<[request: FetchRequest], ShareFetched>(
  78,
  2,
  (request: FetchRequest) =>
    Writer.create()
      .appendString(request.group)
      .appendString(request.memberId)
      .appendInt32(request.epoch)
      .appendInt32(request.maxWaitMs)
      .appendInt32(1)
      .appendInt32(request.maxBytes)
      .appendInt32(request.maxRecords)
      .appendInt32(request.maxRecords)
      .appendInt8(recordLimit)
      .appendBoolean(false)
      .appendArray(oneOrNone(request.partitions), (writer, partitions) =>
        writer.appendUUID(request.topicId).appendArray([...partitions], (each, partition) => {
          each.appendInt32(partition).appendArray([], () => undefined);
        }),
      )
      .appendArray(oneOrNone(request.forgotten), (writer, partitions) =>
        writer
          .appendUUID(request.topicId)
          .appendArray([...partitions], (each, partition) => each.appendInt32(partition), true, false),
      )
      .appendTaggedFields(),
  (_id, _key, _version, reader) => {
    reader.readInt32();
    const errorCode = reader.readInt16();
    const errorMessage = reader.readNullableString();
    reader.readInt32();
    const parts = reader.readArray((topic) => {
      topic.readUUID();
      return topic.readArray(readPart);
    });
    return { errorCode, errorMessage, parts: parts.flat() };
  },
);

/** The entry of the one topic, where there is something to say of it. */
const oneOrNone = <Part>(parts: readonly Part[]): (readonly Part[])[] => (parts.length === 0 ? [] : [parts]);

function readPart(reader: Reader): SharePart {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  reader.readNullableString();
  reader.readInt16();
  reader.readNullableString();
  skipLeader(reader);
  const batches = readRecords(reader);
  const acquired = reader.readArray((range) => ({
    first: range.readInt64(),
    last: range.readInt64(),
    count: range.readInt16(),
  }));
  return { partition, errorCode, batches, acquired };
}

function skipLeader(reader: Reader): void {
  reader.readInt32();
  reader.readInt32();
  reader.readTaggedFields();
}

function readRecords(reader: Reader): readonly RecordsBatch[] {
  const length = reader.readUnsignedVarInt() - 1;
  if (length <= 0) return [];
  const records = Reader.from(reader.buffer.subarray(reader.position, reader.position + length));
  reader.skip(length);
  return readRecordsBatches(records);
}

interface AcknowledgeRequest {
  readonly group: string;
  readonly memberId: string;
  readonly epoch: number;
  readonly isRenewal: boolean;
  readonly topicId: string;
  readonly partitions: readonly PartitionAcknowledgements[];
}
interface Acknowledged extends Answer {
  /** Of a partition all of it, or nothing. */
  readonly codes: ReadonlyMap<number, number>;
}

export const shareAcknowledge = createAPI<[request: AcknowledgeRequest], Acknowledged>(
  79,
  2,
  ({ group, memberId, epoch, isRenewal, topicId, partitions }: AcknowledgeRequest) =>
    Writer.create()
      .appendString(group)
      .appendString(memberId)
      .appendInt32(epoch)
      .appendBoolean(isRenewal)
      .appendArray(oneOrNone(partitions), (writer, parts) =>
        writer
          .appendUUID(topicId)
          .appendArray([...parts], (each, { partition, batches }) =>
            each.appendInt32(partition).appendArray([...batches], writeBatch),
          ),
      )
      .appendTaggedFields(),
  (_id, _key, _version, reader) => {
    reader.readInt32();
    const errorCode = reader.readInt16();
    const errorMessage = reader.readNullableString();
    reader.readInt32();
    const codes = reader.readArray((topic) => {
      topic.readUUID();
      return topic.readArray(readCode);
    });
    return { errorCode, errorMessage, codes: new Map(codes.flat()) };
  },
);

function writeBatch(writer: Writer, { first, last, type }: AcknowledgementBatch): void {
  writer
    .appendInt64(first)
    .appendInt64(last)
    .appendArray([type], (each, one) => each.appendInt8(one), true, false);
}

function readCode(reader: Reader): readonly [partition: number, code: number] {
  const partition = reader.readInt32();
  const code = reader.readInt16();
  reader.readNullableString();
  skipLeader(reader);
  return [partition, code];
}
