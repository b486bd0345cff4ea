import type { AnswerTo, FetchedPart } from '../library.ts';
import { type Coded, type Exchanges, itself, made, rewritten } from './exchange.ts';
import { Decoder, Encoder } from './internals.ts';
import { readBatches, writeBatch } from './record-batch.ts';

/** What writes records, and reads them. */
export const logRequests: Exchanges<
  'initProducerId' | 'addPartitionsToTxn' | 'addOffsetsToTxn' | 'endTxn' | 'produce' | 'fetch'
> = {
  initProducerId: (transactionalId, transactionTimeout) =>
    made(
      'InitProducerId',
      { transactionalId, transactionTimeout },
      ({ errorCode, producerId, producerEpoch }: Coded & { producerId: string; producerEpoch: number }) => ({
        errorCode,
        producerId: BigInt(producerId),
        producerEpoch,
      }),
    ),

  addPartitionsToTxn: ([transaction]) => {
    const topics = transaction?.topics.map(({ name, partitions }) => ({ topic: name, partitions }));
    return made('AddPartitionsToTxn', { ...transaction, topics }, ({ errors }: PartitionErrors) => ({
      resultsByTransaction: [
        {
          topicResults: errors.map(({ partitionErrors }) => ({
            resultsByPartition: partitionErrors.map(({ errorCode }) => ({ partitionErrorCode: errorCode })),
          })),
        },
      ],
    }));
  },

  addOffsetsToTxn: (transactionalId, producerId, producerEpoch, groupId) =>
    made('AddOffsetsToTxn', { transactionalId, producerId, producerEpoch, groupId }, itself<Coded>),

  endTxn: (transactionalId, producerId, producerEpoch, transactionResult) =>
    made('EndTxn', { transactionalId, producerId, producerEpoch, transactionResult }, itself<Coded>),

  // kafkajs takes headers by name, so it writes no name twice, and it fails at a header without a value.
  produce: (batch) =>
    rewritten(
      'Produce',
      () =>
        new Encoder()
          .writeString(batch.transactionalId ?? null)
          .writeInt16(acksAll)
          .writeInt32(batch.timeoutMs)
          .writeInt32(1)
          .writeString(batch.topic)
          .writeInt32(1)
          .writeInt32(batch.partition)
          .writeBytes(writeBatch(batch)),
      made('Produce', {}, producedOf),
    ),

  fetch: (
    maxWaitTime,
    minBytes,
    maxBytes,
    isolationLevel,
    sessionId,
    sessionEpoch,
    topics,
    forgottenTopics,
    rackId,
  ) => {
    const asked = topics.map(({ topicId, partitions }) => ({
      topic: topicId,
      partitions: partitions.map(({ partitionMaxBytes, ...one }) => ({ ...one, maxBytes: partitionMaxBytes })),
    }));
    const all = { replicaId: -1, maxWaitTime, minBytes, maxBytes, isolationLevel, sessionId, sessionEpoch };
    const { request } = made('Fetch', { ...all, topics: asked, forgottenTopics, rackId }, itself);
    return { request, response: { decode: (bytes) => Promise.resolve(fetchedOf(new Decoder(bytes))) } };
  },
};

const acksAll = -1;

interface PartitionErrors {
  readonly errors: readonly { readonly partitionErrors: readonly Coded[] }[];
}
interface ProduceAnswer {
  readonly topics: readonly { readonly partitions: readonly (Coded & { readonly baseOffset: string })[] }[];
}
const producedOf = ({ topics }: ProduceAnswer): AnswerTo<'produce'> => ({
  responses: topics.map(({ partitions }) => ({
    partitionResponses: partitions.map(({ errorCode, baseOffset }) => ({
      errorCode,
      baseOffset: BigInt(baseOffset),
      errorMessage: undefined,
    })),
  })),
});

/** kafkajs would drop a codec that it lacks with its whole consumer, and makes one list of all batches. */
function fetchedOf(decoder: Decoder): AnswerTo<'fetch'> {
  decoder.readInt32();
  decoder.readInt16();
  decoder.readInt32();
  const responses = decoder.readArray(() => {
    decoder.readString();
    return { partitions: decoder.readArray(fetchedPart) };
  });
  return { responses };
}
function fetchedPart(decoder: Decoder): FetchedPart {
  const partitionIndex = decoder.readInt32();
  const errorCode = decoder.readInt16();
  decoder.readInt64();
  decoder.readInt64();
  decoder.readInt64();
  const abortedTransactions = decoder.readArray(() => ({
    producerId: decoder.readInt64(),
    firstOffset: decoder.readInt64(),
  }));
  decoder.readInt32();
  return { partitionIndex, errorCode, abortedTransactions, records: readBatches(decoder.readBytes() ?? nothing) };
}
const nothing = Buffer.alloc(0);
