import type { AnswerTo, Requests } from '../library.ts';
import { type Decoder, Encoder } from './internals.ts';

// Requests in a flexible version, which kafkajs does not have of these: lengths are one more, as varints, and everything
// ends with its tagged fields, of which there are none.

export function writeOffsetFetch(
  group: string,
  topics: Parameters<Requests['offsetFetch']>[0][number]['topics'],
  requireStable: boolean,
): Encoder {
  const encoder = new Encoder()
    .writeUVarInt(0)
    .writeUVarIntString(group)
    .writeUVarInt(topics.length + 1);
  for (const { name, partitionIndexes } of topics) {
    encoder.writeUVarIntString(name).writeUVarInt(partitionIndexes.length + 1);
    for (const partition of partitionIndexes) encoder.writeInt32(partition);
    encoder.writeUVarInt(0);
  }
  return encoder.writeBoolean(requireStable).writeUVarInt(0);
}
export function readOffsetFetch(decoder: Decoder): AnswerTo<'offsetFetch'> {
  decoder.readUVarInt();
  decoder.readInt32();
  const topics = readCompact(decoder, () => {
    decoder.readUVarIntString();
    const partitions = readCompact(decoder, () => {
      const partitionIndex = decoder.readInt32();
      const committedOffset = decoder.readInt64();
      decoder.readInt32();
      decoder.readUVarIntString();
      const errorCode = decoder.readInt16();
      decoder.readUVarInt();
      return { partitionIndex, committedOffset, errorCode };
    });
    decoder.readUVarInt();
    return { partitions };
  });
  return { groups: [{ errorCode: decoder.readInt16(), topics }] };
}
const readCompact = <T>(decoder: Decoder, read: () => T): T[] =>
  Array.from({ length: Math.max(0, decoder.readUVarInt() - 1) }, read);

export function writeTxnOffsetCommit(
  ...[transactionalId, group, producerId, epoch, generation, member, instance, topics]: Parameters<
    Requests['txnOffsetCommit']
  >
): Encoder {
  const encoder = new Encoder()
    .writeUVarInt(0)
    .writeUVarIntString(transactionalId)
    .writeUVarIntString(group)
    .writeInt64(producerId)
    .writeInt16(epoch)
    .writeInt32(generation)
    .writeUVarIntString(member)
    .writeUVarIntString(instance)
    .writeUVarInt(topics.length + 1);
  for (const { name, partitions } of topics) {
    encoder.writeUVarIntString(name).writeUVarInt(partitions.length + 1);
    for (const one of partitions)
      encoder
        .writeInt32(one.partitionIndex)
        .writeInt64(one.committedOffset)
        .writeInt32(one.committedLeaderEpoch)
        .writeUVarIntString(one.committedMetadata)
        .writeUVarInt(0);
    encoder.writeUVarInt(0);
  }
  return encoder.writeUVarInt(0);
}
export function readTxnOffsetCommit(decoder: Decoder): AnswerTo<'txnOffsetCommit'> {
  decoder.readUVarInt();
  decoder.readInt32();
  const topics = readCompact(decoder, () => {
    decoder.readUVarIntString();
    const partitions = readCompact(decoder, () => {
      const code = { partitionIndex: decoder.readInt32(), errorCode: decoder.readInt16() };
      decoder.readUVarInt();
      return code;
    });
    decoder.readUVarInt();
    return { partitions };
  });
  return { topics };
}
