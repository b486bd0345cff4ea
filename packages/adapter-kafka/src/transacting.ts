import { type Addressed, type Transacted, WaybillError, type Watermark } from '@waybill/core/driver';
import { topicOf } from './names.ts';
import { PartitionQueue, type Producer, type SendCall } from './partition-queue.ts';
import { gone, type Positions } from './positions.ts';
import type { Routed, Routing } from './routing.ts';
import type { Produced, TransactionPlan, Transactions, Wire, WireRecord } from './wire.ts';

interface Output extends Routed {
  readonly topic: string;
  readonly key: string | undefined;
}

/** What a receiver needs to send outputs together with its positions. */
export interface TransactingParts {
  readonly wire: Wire;
  readonly routing: Routing;
  readonly positions: Positions;
  readonly transactions: Transactions;
}

/** Outputs and positions of one receiver, together or never. What cannot be encoded is found before anything begins. */
export class Transacting {
  readonly #parts: TransactingParts;

  constructor(parts: TransactingParts) {
    this.#parts = parts;
  }

  async transact(outputs: readonly Addressed[], marks: readonly Watermark[]): Promise<Transacted> {
    const { positions, transactions } = this.#parts;
    if (!positions.holdsAll(marks)) return { outcome: 'lost', error: gone() };
    if (outputs.length === 0 && marks.length === 0) return { outcome: 'committed' };
    let plan: TransactionPlan;
    try {
      plan = this.#plan(await this.#routed(outputs), marks);
    } catch (error) {
      return { outcome: 'aborted', error };
    }
    const transacted = await transactions.run(plan);
    const isGone =
      transacted.outcome === 'aborted' &&
      (WaybillError.is(transacted.error, 'lease-lost') || !positions.holdsAll(marks));
    return isGone ? { outcome: 'lost', error: transacted.error } : transacted;
  }

  async #routed(outputs: readonly Addressed[]): Promise<readonly Output[]> {
    const { wire, routing } = this.#parts;
    const counts = new Map<string, number>();
    for (const topic of new Set(outputs.map(({ target }) => topicOf(target))))
      counts.set(topic, await wire.partitionsOf(topic));
    return outputs.map(({ target, message }) => {
      const topic = topicOf(target);
      return { ...routing.route(message, counts.get(topic) ?? 0), topic, key: message.key };
    });
  }

  #plan(outputs: readonly Output[], marks: readonly Watermark[]): TransactionPlan {
    const { wire, positions } = this.#parts;
    const partitions = new Map<string, Set<number>>();
    for (const { topic, partition } of outputs)
      partitions.set(topic, (partitions.get(topic) ?? new Set()).add(partition));
    return {
      partitions: new Map([...partitions].map(([topic, numbers]) => [topic, [...numbers]])),
      fill: (produce) => new Filling(outputs.length, wire.batchMaxBytes, produce).run(outputs),
      commit: marks.length === 0 ? undefined : (transaction) => positions.commitWithin(marks, transaction),
    };
  }
}

/** The outputs of one transaction on their way. After the first failure nothing more is offered. */
class Filling implements SendCall, Producer {
  readonly batchMaxBytes: number;
  readonly #produce: Wire['produce'];
  readonly #queues = new Map<string, PartitionQueue>();
  #left: number;
  #failure: { readonly error: unknown } | undefined;
  #done: () => void = () => undefined;

  constructor(many: number, batchMaxBytes: number, produce: Wire['produce']) {
    this.#left = many;
    this.batchMaxBytes = batchMaxBytes;
    this.#produce = produce;
  }

  /** Resolves when nothing is on its way any more. */
  async run(outputs: readonly Output[]): Promise<void> {
    if (outputs.length === 0) return;
    const done = new Promise<void>((resolve) => (this.#done = resolve));
    outputs.forEach(({ topic, partition, record, bytes, key }, index) =>
      this.#queue(topic, partition).add({ record, bytes, key, call: this, index }),
    );
    for (const queue of this.#queues.values()) queue.run();
    await done;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async produce(topic: string, partition: number, records: readonly WireRecord[]): Promise<Produced> {
    if (this.#failure !== undefined) return { outcome: 'rejected', error: this.#failure.error };
    return this.#produce(topic, partition, records);
  }

  stored(): void {
    this.#count();
  }
  unsent(_index: number, _outcome: 'rejected' | 'unknown', error: unknown): void {
    this.#failure ??= { error };
    this.#count();
  }
  #count(): void {
    if (--this.#left === 0) this.#done();
  }

  #queue(topic: string, partition: number): PartitionQueue {
    const name = `${topic}/${partition}`;
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const queue = new PartitionQueue(this, topic, partition);
    this.#queues.set(name, queue);
    return queue;
  }
}
