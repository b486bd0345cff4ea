import { checkCode } from '../errors.ts';
import type { Produced, WireRecord } from '../wire.ts';
import type { Cluster } from './cluster.ts';
import { type Identity, isEstranged, offer } from './offering.ts';
import { patiently } from './patience.ts';

const anonymous: Identity = { producerId: -1n, producerEpoch: -1, sequences: new Map() };
const denied = [31, 29];

/** How long a batch whose answer was lost is offered again to whoever leads now. */
const repeatMs = 20_000;

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
    const until = identity === anonymous ? undefined : Date.now() + repeatMs;
    const produced = await offer(this.#cluster, { topic, partition, records, until }, identity);
    if (produced.outcome !== 'stored' && (produced.outcome === 'unknown' || isEstranged(produced.error)))
      this.#forget(identity);
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
  #forget(identity: Identity): void {
    const forget = (now: Identity): void => {
      if (now === identity) this.#identity = undefined;
    };
    // One that could not be had is forgotten already, and told to whoever asked for it.
    void this.#identity?.then(forget, () => undefined);
  }
}
