import { WaybillError } from '@waybill/core/driver';
import { KafkaError } from '../errors.ts';
import type { BatchedRecord, ProduceBatch, RecordBatch } from '../library.ts';
import type { Header, WireRecord } from '../wire.ts';
import { checksum, codecOf, compressed, decompressed } from './compression.ts';

// The fields of a batch before its records, and where they are: kafka.apache.org/documentation/#recordbatch
const lengthAt = 8;
const leaderEpochAt = 12;
const magicAt = 16;
const checksumAt = 17;
const attributesAt = 21;
const lastOffsetDeltaAt = 23;
const firstTimestampAt = 27;
const maxTimestampAt = 35;
const producerIdAt = 43;
const producerEpochAt = 51;
const sequenceAt = 53;
const countAt = 57;
const recordsAt = 61;

const magic = 2;
const codecBits = 0x07;
const transactionalBit = 0x10;
const corrupt = 2;

/** The broker cuts off what it sends where there is no more room: a batch that is not whole comes again. */
export function readBatches(bytes: Buffer): RecordBatch[] {
  const batches: RecordBatch[] = [];
  for (let at = 0; at + recordsAt <= bytes.length;) {
    const end = at + leaderEpochAt + bytes.readInt32BE(at + lengthAt);
    if (end > bytes.length) break;
    batches.push(readBatch(bytes.subarray(at, end)));
    at = end;
  }
  return batches;
}

function readBatch(bytes: Buffer): RecordBatch {
  if (bytes[magicAt] !== magic)
    throw new WaybillError(
      'unsupported',
      `A batch of records has format ${bytes[magicAt]}, from before Kafka 0.11; only format ${magic} can be read`,
    );
  if (checksum(bytes.subarray(attributesAt)) !== bytes.readUInt32BE(checksumAt))
    throw new KafkaError(corrupt, 'a fetch', 'the checksum of a batch of records is wrong');
  const attributes = bytes.readInt16BE(attributesAt);
  const records = decompressed(attributes & codecBits, bytes.subarray(recordsAt));
  return {
    firstOffset: bytes.readBigInt64BE(0),
    lastOffsetDelta: bytes.readInt32BE(lastOffsetDeltaAt),
    attributes,
    firstTimestamp: bytes.readBigInt64BE(firstTimestampAt),
    maxTimestamp: bytes.readBigInt64BE(maxTimestampAt),
    producerId: bytes.readBigInt64BE(producerIdAt),
    records: readRecords(records, bytes.readInt32BE(countAt)),
  };
}

function readRecords(bytes: Buffer, many: number): BatchedRecord[] {
  const cursor = new Cursor(bytes, 0);
  const records: BatchedRecord[] = [];
  while (records.length < many) records.push(new LazyRecord(cursor));
  return records;
}

/** Where a record is; what is in it is read when somebody looks, since most of a fetch waits for its turn. */
class LazyRecord implements BatchedRecord {
  readonly offsetDelta: number;
  readonly #bytes: Buffer;
  readonly #timestampDelta: number;
  readonly #keyAt: number;
  /** Takes the cursor to the next one. */
  constructor(cursor: Cursor) {
    const length = cursor.varint();
    const end = cursor.at + length;
    cursor.at++;
    this.#timestampDelta = cursor.varint();
    this.offsetDelta = cursor.varint();
    this.#bytes = cursor.bytes;
    this.#keyAt = cursor.at;
    cursor.at = end;
  }
  get timestampDelta(): bigint {
    return BigInt(this.#timestampDelta);
  }
  get key(): Buffer | null {
    return new Cursor(this.#bytes, this.#keyAt).field();
  }
  get value(): Buffer | null {
    return this.#behindKey().field();
  }
  get headers(): readonly Header[] {
    const cursor = this.#behindKey();
    cursor.field();
    const headers: Header[] = [];
    for (let left = cursor.varint(); left > 0; left--) headers.push([cursor.field() ?? empty, cursor.field()]);
    return headers;
  }
  #behindKey(): Cursor {
    const cursor = new Cursor(this.#bytes, this.#keyAt);
    const length = cursor.varint();
    cursor.at += Math.max(0, length);
    return cursor;
  }
}

/** Reads along records. Throws RangeError at the end. */
class Cursor {
  readonly bytes: Buffer;
  at: number;
  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  field(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const from = this.at;
    this.at += length;
    if (this.at > this.bytes.length) throw new RangeError('a record is longer than its batch');
    return this.bytes.subarray(from, this.at);
  }

  /** Zigzag, of up to 53 bits. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new RangeError('a batch ends within a record');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
    }
  }
}
const empty = Buffer.alloc(0);

export function writeBatch({
  records,
  compression,
  producerId,
  producerEpoch,
  sequence,
  transactionalId,
}: ProduceBatch): Buffer {
  const times = records.map(({ timestamp }) => timestamp);
  const first = times[0] ?? 0;
  const body = compressed(compression, writeRecords(records, first));
  const batch = Buffer.allocUnsafe(recordsAt + body.length);
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - leaderEpochAt, lengthAt);
  batch.writeInt32BE(-1, leaderEpochAt);
  batch.writeInt8(magic, magicAt);
  batch.writeInt16BE(codecOf(compression) | (transactionalId === undefined ? 0 : transactionalBit), attributesAt);
  batch.writeInt32BE(records.length - 1, lastOffsetDeltaAt);
  batch.writeBigInt64BE(BigInt(first), firstTimestampAt);
  batch.writeBigInt64BE(BigInt(Math.max(...times)), maxTimestampAt);
  batch.writeBigInt64BE(producerId, producerIdAt);
  batch.writeInt16BE(producerEpoch, producerEpochAt);
  batch.writeInt32BE(producerId < 0n ? -1 : sequence, sequenceAt);
  batch.writeInt32BE(records.length, countAt);
  body.copy(batch, recordsAt);
  batch.writeUInt32BE(checksum(batch.subarray(attributesAt)), checksumAt);
  return batch;
}

function writeRecords(records: readonly WireRecord[], first: number): Buffer {
  const sizes = records.map((record, index) => sizeOf(record, index, record.timestamp - first));
  const all = sizes.reduce((sum, size) => sum + sizeOfVarint(size) + size, 0);
  const pen = new Pen(Buffer.allocUnsafe(all));
  records.forEach((record, index) => pen.record(record, index, record.timestamp - first, sizes[index] ?? 0));
  return pen.bytes;
}

/** Without the length that stands before it. */
function sizeOf({ key, value, headers }: WireRecord, offsetDelta: number, timestampDelta: number): number {
  let size = 1 + sizeOfVarint(timestampDelta) + sizeOfVarint(offsetDelta) + sizeOfField(key) + sizeOfField(value);
  size += sizeOfVarint(headers.length);
  for (const [name, content] of headers) size += sizeOfField(name) + sizeOfField(content);
  return size;
}
const sizeOfField = (bytes: Buffer | null): number => (bytes === null ? 1 : sizeOfVarint(bytes.length) + bytes.length);
function sizeOfVarint(value: number): number {
  let size = 1;
  for (let rest = zigzag(value); rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}
const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);

/** Writes along a buffer of the right size. */
class Pen {
  readonly bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  record({ key, value, headers }: WireRecord, offsetDelta: number, timestampDelta: number, size: number): void {
    this.#varint(size);
    this.bytes[this.#at++] = 0;
    this.#varint(timestampDelta);
    this.#varint(offsetDelta);
    this.#field(key);
    this.#field(value);
    this.#varint(headers.length);
    for (const [name, content] of headers) {
      this.#field(name);
      this.#field(content);
    }
  }

  #field(bytes: Buffer | null): void {
    this.#varint(bytes === null ? -1 : bytes.length);
    if (bytes !== null) this.#at += bytes.copy(this.bytes, this.#at);
  }
  #varint(value: number): void {
    let rest = zigzag(value);
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.bytes[this.#at++] = (rest % 0x80) | 0x80;
    this.bytes[this.#at++] = rest;
  }
}
