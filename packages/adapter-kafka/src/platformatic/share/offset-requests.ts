import { createAPI, type Reader, Writer } from '@platformatic/kafka';
import type { Answer } from './requests.ts';

interface DescribedPartition {
  readonly partition: number;
  /** Below 0 where the group has not begun. */
  readonly start: bigint;
  /** Records that are not settled; below 0 where the broker does not know. */
  readonly lag: bigint;
  readonly errorCode: number;
}
interface Described extends Answer {
  readonly partitions: readonly DescribedPartition[];
}

export const describeShareOffsets = createAPI<
  [group: string, topic: string, partitions: readonly number[]],
  readonly Described[]
>(
  90,
  1,
  (group: string, topic: string, partitions: readonly number[]) =>
    Writer.create()
      .appendArray([group], (writer, id) =>
        writer
          .appendString(id)
          .appendArray([topic], (each, name) =>
            each
              .appendString(name)
              .appendArray([...partitions], (one, partition) => one.appendInt32(partition), true, false),
          ),
      )
      .appendTaggedFields(),
  (_id, _key, _version, reader) => {
    reader.readInt32();
    return reader.readArray((group) => {
      group.readString();
      const partitions = group.readArray((topic) => {
        topic.readString();
        topic.readUUID();
        return topic.readArray(readDescribed);
      });
      return { errorCode: group.readInt16(), errorMessage: group.readNullableString(), partitions: partitions.flat() };
    });
  },
);

function readDescribed(reader: Reader): DescribedPartition {
  const partition = reader.readInt32();
  const start = reader.readInt64();
  reader.readInt32();
  const lag = reader.readInt64();
  const errorCode = reader.readInt16();
  reader.readNullableString();
  return { partition, start, lag, errorCode };
}

interface Altered extends Answer {
  readonly codes: readonly number[];
}

/** Of a group without members. */
export const alterShareOffsets = createAPI<
  [group: string, topic: string, offsets: ReadonlyMap<number, bigint>],
  Altered
>(
  91,
  0,
  (group: string, topic: string, offsets: ReadonlyMap<number, bigint>) =>
    Writer.create()
      .appendString(group)
      .appendArray([topic], (writer, name) =>
        writer.appendString(name).appendArray([...offsets], (each, [partition, offset]) => {
          each.appendInt32(partition).appendInt64(offset);
        }),
      )
      .appendTaggedFields(),
  (_id, _key, _version, reader) => {
    reader.readInt32();
    const errorCode = reader.readInt16();
    const errorMessage = reader.readNullableString();
    const codes = reader.readArray((topic) => {
      topic.readString();
      topic.readUUID();
      return topic.readArray((part) => {
        part.readInt32();
        const code = part.readInt16();
        part.readNullableString();
        return code;
      });
    });
    return { errorCode, errorMessage, codes: codes.flat() };
  },
);
