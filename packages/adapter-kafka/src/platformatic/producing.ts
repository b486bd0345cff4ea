import { WaybillError } from '@waybill/core/driver';
import { checkCode, codeOf, isPassing, KafkaError } from '../errors.ts';
import type { AnswerTo, BrokerConnection } from '../library.ts';
import type { Produced, WireRecord } from '../wire.ts';
import type { Cluster } from './cluster.ts';
import { patiently, pause } from './patience.ts';

/** Whom the broker takes us for, and how far each partition has come. */
interface Identity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly sequences: Map<string, number>;
}
const anonymous: Identity = { producerId: -1n, producerEpoch: -1, sequences: new Map() };

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
const denied = [31, 29];

/** How long a batch whose answer was lost is offered again to whoever leads now. */
const repeatMs = 20_000;
const pauseMs = 100;

/**
 * Idempotent: a batch whose connection broke is sent again with the number that it had, so that it is stored once. After
 * a batch whose fate nobody knows a new identity is asked for: its number must never go to another batch, which the
 * broker would take for the same one and confirm without storing it.
 */
export class Producing {
  readonly #cluster: Cluster;
  #identity: Promise<Identity> | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** One call at a time for each partition. Never rejects. */
  async produce(topic: string, partition: number, records: readonly WireRecord[]): Promise<Produced> {
    let identity: Identity;
    try {
      identity = await this.#known();
    } catch (error) {
      return { outcome: 'rejected', error };
    }
    const produced = await this.#stored(topic, partition, records, identity);
    this.#count(identity, `${topic}:${partition}`, records.length, produced);
    return produced;
  }

  #known(): Promise<Identity> {
    if (!this.#cluster.settings.idempotent) return Promise.resolve(anonymous);
    this.#identity ??= this.#introduce().catch((error: unknown) => {
      this.#identity = undefined;
      throw error;
    });
    return this.#identity;
  }
  /** A cluster that has just begun hands out no ids yet. */
  #introduce(): Promise<Identity> {
    return patiently(() => this.#ask());
  }
  async #ask(): Promise<Identity> {
    const { errorCode, producerId, producerEpoch } = await this.#cluster.askAny('initProducerId', null, 0, -1n, -1);
    // Without the right to be idempotent (before Kafka 3.0 it was one of its own) a lost answer is an unknown outcome.
    if (denied.includes(errorCode)) return anonymous;
    checkCode(errorCode, 'the request for a producer id');
    return { producerId, producerEpoch, sequences: new Map() };
  }

  #count(identity: Identity, key: string, many: number, { outcome }: Produced): void {
    if (identity === anonymous) return;
    if (outcome === 'stored') identity.sequences.set(key, ((identity.sequences.get(key) ?? 0) + many) % 2 ** 31);
    else if (outcome === 'unknown') this.#forget(identity);
  }
  #forget(identity: Identity): void {
    void this.#identity?.then((now) => {
      if (now === identity) this.#identity = undefined;
    });
  }

  /** Once a try may have been stored, only an answer to the same batch can say so. */
  async #stored(
    topic: string,
    partition: number,
    records: readonly WireRecord[],
    identity: Identity,
  ): Promise<Produced> {
    const until = Date.now() + repeatMs;
    for (let isTried = false; ; await pause(pauseMs)) {
      const tried = await this.#try(topic, partition, records, identity);
      if (tried.outcome === 'stored') return tried;
      isTried ||= tried.outcome === 'unknown';
      if (!isTried) return tried;
      const isOver = identity === anonymous || this.#cluster.isEnded || Date.now() > until;
      const isEstranged = estranged.some((code) => code === codeOf(tried.error));
      if (isOver || isEstranged || !isPassing(tried.error)) return { outcome: 'unknown', error: tried.error };
    }
  }

  async #try(topic: string, partition: number, records: readonly WireRecord[], identity: Identity): Promise<Produced> {
    let connection: BrokerConnection;
    try {
      connection = await this.#leader(topic, partition);
    } catch (error) {
      return { outcome: 'rejected', error };
    }
    try {
      return await this.#read(await this.#offer(connection, topic, partition, records, identity), topic, identity);
    } catch (error) {
      return { outcome: 'unknown', error };
    }
  }

  async #leader(topic: string, partition: number): Promise<BrokerConnection> {
    return this.#cluster.connection(await this.#cluster.leaderOf(topic, partition));
  }

  async #offer(
    connection: BrokerConnection,
    topic: string,
    partition: number,
    records: readonly WireRecord[],
    { producerId, producerEpoch, sequences }: Identity,
  ): Promise<Answer> {
    const { compression, requestTimeoutMs } = this.#cluster.settings;
    const response = await connection.ask('produce', {
      topic,
      partition,
      records,
      compression,
      timeoutMs: requestTimeoutMs - 500,
      producerId,
      producerEpoch,
      sequence: sequences.get(`${topic}:${partition}`) ?? 0,
    });
    const found = response.responses[0]?.partitionResponses[0];
    if (found !== undefined) return found;
    throw new WaybillError('unavailable', `Kafka did not say what became of a batch for ${topic}/${partition}`);
  }

  async #read({ errorCode, baseOffset, errorMessage }: Answer, topic: string, identity: Identity): Promise<Produced> {
    if (errorCode === 0) return { outcome: 'stored', offset: baseOffset };
    if (errorCode === duplicate) return { outcome: 'stored', offset: undefined };
    const error = new KafkaError(errorCode, `a batch for "${topic}"`, errorMessage);
    if (moved.includes(errorCode)) this.#cluster.forget(topic);
    if (estranged.includes(errorCode)) this.#forget(identity);
    if (errorCode === unknownTopic && (await this.#isGone(topic))) return { outcome: 'rejected', error };
    if (!undecided.includes(errorCode) && !moved.includes(errorCode)) return { outcome: 'rejected', error };
    const passing = new WaybillError('unavailable', error.message, { cause: error });
    return { outcome: 'unknown', error: passing };
  }
  /** A broker that has just come to lead a partition does not know it either. */
  #isGone(topic: string): Promise<boolean> {
    return this.#cluster.layout(topic, true).then(
      () => false,
      (error: unknown) => codeOf(error) === unknownTopic,
    );
  }
}

type Answer = AnswerTo<'produce'>['responses'][number]['partitionResponses'][number];
