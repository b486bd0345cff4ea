import { describe, expect, test } from 'vitest';
import { decompressed } from '../src/kafkajs/compression.ts';
import { readBatches, writeBatch } from '../src/kafkajs/record-batch.ts';
import type { ProduceBatch } from '../src/library.ts';
import type { WireRecord } from '../src/wire.ts';

const records: readonly WireRecord[] = [
  { key: null, value: null, headers: [], timestamp: 1_700_000_000_000 },
  {
    key: Buffer.alloc(0),
    value: Buffer.alloc(20_000, 'x'),
    headers: [
      [Buffer.from('twice'), Buffer.from([0xff, 0x00])],
      [Buffer.from('twice'), null],
      [Buffer.from('empty'), Buffer.alloc(0)],
    ],
    timestamp: 1_699_999_000_000,
  },
  { key: Buffer.from('größe'), value: Buffer.from('last'), headers: [], timestamp: 1_900_000_000_000 },
];
const batch = (over: Partial<ProduceBatch> = {}): Buffer =>
  writeBatch({
    topic: 't',
    partition: 0,
    records,
    compression: 'none',
    timeoutMs: 1000,
    producerId: 9_007_199_254_740_993n,
    producerEpoch: 3,
    sequence: 41,
    ...over,
  });

describe('a batch of records', () => {
  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('with compression %s is read as written', (codec) => {
    const [read, ...more] = readBatches(batch({ compression: codec }));
    expect(more).toEqual([]);
    expect(read).toMatchObject({
      firstOffset: 0n,
      lastOffsetDelta: 2,
      producerId: 9_007_199_254_740_993n,
      firstTimestamp: 1_700_000_000_000n,
      maxTimestamp: 1_900_000_000_000n,
    });
    expect(
      read!.records.map(({ offsetDelta, timestampDelta, key, value, headers }) => ({
        key,
        value,
        headers,
        timestamp: Number(read!.firstTimestamp + timestampDelta),
        offsetDelta,
      })),
    ).toEqual(records.map((record, offsetDelta) => ({ ...record, offsetDelta })));
  });

  test('says whether it is part of a transaction', () => {
    const bits = (bytes: Buffer): number => readBatches(bytes)[0]!.attributes & 0x10;
    expect([bits(batch()), bits(batch({ transactionalId: 'id' }))]).toEqual([0, 0x10]);
  });

  test('that was cut off is left for the next fetch', () => {
    const whole = batch();
    const cut = Buffer.concat([whole, whole.subarray(0, -1)]);
    expect(readBatches(cut)).toHaveLength(1);
    expect(readBatches(whole.subarray(0, 40))).toEqual([]);
  });

  test('that was changed on its way is refused, whatever changed', () => {
    for (const at of [21, 60, 70, 200]) {
      const bytes = batch();
      bytes[at]! ^= 0x01;
      expect(() => readBatches(bytes)).toThrow(/CORRUPT_MESSAGE.*checksum/);
    }
  });

  test('of an older format is refused, and not left out', () => {
    const bytes = batch();
    bytes[16] = 1;
    expect(() => readBatches(bytes)).toThrow(/format 1, from before Kafka 0\.11/);
  });

  test('with a codec that nobody knows is refused, and not left out', () => {
    expect(() => decompressed(5, Buffer.alloc(3))).toThrow(/codec 5, which is not known/);
  });
});
