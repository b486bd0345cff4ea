import { WaybillError } from '@waybill/core/driver';
import { codeOf, isPassing, KafkaError } from '../errors.ts';
import type { AnswerTo, BrokerConnection } from '../library.ts';
import type { Produced, WireRecord } from '../wire.ts';
import type { Cluster } from './cluster.ts';
import { pause } from './patience.ts';

type Answer = AnswerTo<'produce'>['responses'][number]['partitionResponses'][number];

/** Whom the broker takes us for, and how far each partition has come. */
export interface Identity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly sequences: Map<string, number>;
  /** What is produced is part of a transaction. */
  readonly transactionalId?: string;
}

export interface Offer {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly WireRecord[];
  /** Until then a batch whose answer was lost is offered again, in epoch milliseconds. Without it, once. */
  readonly until: number | undefined;
}

/** Answers after which the records may be stored all the same: REQUEST_TIMED_OUT, NETWORK_EXCEPTION, NOT_ENOUGH_REPLICAS_AFTER_APPEND. */
const undecided = [7, 13, 20];
/**
 * The leader moved, or is moving. It may have written the batch before it learned that: a leader that steps down answers
 * so to what waits for its followers.
 */
const moved = [3, 5, 6, 8, 9, 56, 74, 75];
/** OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, UNKNOWN_PRODUCER_ID: the broker knows another story of us. */
const estranged = [45, 47, 59];
const duplicate = 46;
const unknownTopic = 3;
const pauseMs = 100;

export const isEstranged = (error: unknown): boolean => estranged.some((code) => code === codeOf(error));

/** The same batch with the same number, until an answer to it says what became of it. The number is counted on here. */
export async function offer(cluster: Cluster, batch: Offer, identity: Identity): Promise<Produced> {
  const produced = await decided(cluster, batch, identity);
  if (produced.outcome === 'stored') count(batch, identity);
  return produced;
}

function count({ topic, partition, records }: Offer, { producerId, sequences }: Identity): void {
  if (producerId < 0n) return;
  const key = `${topic}:${partition}`;
  sequences.set(key, ((sequences.get(key) ?? 0) + records.length) % 2 ** 31);
}

/** Once a try may have been stored, only an answer to the same batch can say so. */
async function decided(cluster: Cluster, batch: Offer, identity: Identity): Promise<Produced> {
  for (let isTried = false; ; await pause(pauseMs)) {
    const tried = await offerOnce(cluster, batch, identity);
    if (tried.outcome === 'stored') return tried;
    isTried ||= tried.outcome === 'unknown';
    if (!isTried) return tried;
    const isOver = batch.until === undefined || cluster.isEnded || Date.now() > batch.until;
    if (isOver || isEstranged(tried.error) || !isPassing(tried.error))
      return { outcome: 'unknown', error: tried.error };
  }
}

async function offerOnce(cluster: Cluster, batch: Offer, identity: Identity): Promise<Produced> {
  let connection: BrokerConnection;
  try {
    connection = await cluster.connection(await cluster.leaderOf(batch.topic, batch.partition));
  } catch (error) {
    return { outcome: 'rejected', error };
  }
  try {
    return await read(cluster, await ask(cluster, connection, batch, identity), batch.topic);
  } catch (error) {
    return { outcome: 'unknown', error };
  }
}

async function ask(
  { settings: { compression, requestTimeoutMs } }: Cluster,
  connection: BrokerConnection,
  { topic, partition, records }: Offer,
  { sequences, ...identity }: Identity,
): Promise<Answer> {
  const sequence = sequences.get(`${topic}:${partition}`) ?? 0;
  const batch = { topic, partition, records, compression, timeoutMs: requestTimeoutMs - 500, sequence, ...identity };
  const { responses } = await connection.ask('produce', batch);
  const found = responses[0]?.partitionResponses[0];
  if (found !== undefined) return found;
  throw new WaybillError('unavailable', `Kafka did not say what became of a batch for ${topic}/${partition}`);
}

async function read(
  cluster: Cluster,
  { errorCode, baseOffset, errorMessage }: Answer,
  topic: string,
): Promise<Produced> {
  if (errorCode === 0) return { outcome: 'stored', offset: baseOffset };
  if (errorCode === duplicate) return { outcome: 'stored', offset: undefined };
  const error = new KafkaError(errorCode, `a batch for "${topic}"`, errorMessage);
  if (moved.includes(errorCode)) cluster.forget(topic);
  if (errorCode === unknownTopic && (await isGone(cluster, topic))) return { outcome: 'rejected', error };
  if (!undecided.includes(errorCode) && !moved.includes(errorCode)) return { outcome: 'rejected', error };
  const passing = new WaybillError('unavailable', error.message, { cause: error });
  return { outcome: 'unknown', error: passing };
}

/** A broker that has just come to lead a partition does not know it either. */
const isGone = (cluster: Cluster, topic: string): Promise<boolean> =>
  cluster.layout(topic, true).then(
    () => false,
    (error: unknown) => codeOf(error) === unknownTopic,
  );
