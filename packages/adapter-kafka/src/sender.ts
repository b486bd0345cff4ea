import { noneSent, type Outgoing, type Sent, type Target, type Unsent, WaybillError } from '@waybill/core/driver';
import { checkedName } from './names.ts';
import { partitionOf } from './partitioner.ts';
import { PartitionQueue, type SendCall } from './partition-queue.ts';
import { recordOf, sizeOf } from './records.ts';
import type { Wire } from './wire.ts';

type PlaceTarget = Exclude<Target, { kind: 'reply' }>;

/** Splits a batch by partition; each partition has one request out at a time, which keeps its order. */
export class Sender {
  readonly #wire: Wire;
  readonly #queues = new Map<string, PartitionQueue>();
  #turn = Math.floor(Math.random() * 1000);

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  async send(target: Target, batch: readonly Outgoing[]): Promise<Sent> {
    if (target.kind === 'reply')
      return noneSent(batch, 'rejected', new WaybillError('unsupported', 'Kafka has no replies of its own'));
    try {
      const topic = checkedName(target.kind, target.name);
      return await this.#spread(topic, target, batch, await this.#wire.partitionsOf(topic));
    } catch (error) {
      // Nothing has left.
      return noneSent(batch, 'rejected', error);
    }
  }

  #spread(topic: string, { kind, order }: PlaceTarget, batch: readonly Outgoing[], count: number): Promise<Sent> {
    return new Promise((resolve) => {
      const call = new Call(order !== 'none', kind === 'stream', batch.length, resolve);
      const filled = new Set<PartitionQueue>();
      batch.forEach((message, index) => {
        try {
          const record = recordOf(message);
          const partition = partitionOf(message, record.key, count, this.#turn++);
          const queue = this.#queue(topic, partition);
          queue.add({ record, bytes: sizeOf(record), call, index });
          filled.add(queue);
        } catch (error) {
          call.unsent(index, 'rejected', error);
        }
      });
      for (const queue of filled) queue.run();
    });
  }

  #queue(topic: string, partition: number): PartitionQueue {
    const name = `${topic}/${partition}`;
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const queue = new PartitionQueue(this.#wire, topic, partition);
    this.#queues.set(name, queue);
    return queue;
  }
}

/** One `send` while its records are on their way through several partitions. */
class Call implements SendCall {
  readonly isOrdered: boolean;
  readonly #unsent: Unsent[] = [];
  readonly #positions: string[] | undefined;
  readonly #resolve: (sent: Sent) => void;
  #left: number;

  constructor(isOrdered: boolean, isStream: boolean, many: number, resolve: (sent: Sent) => void) {
    this.isOrdered = isOrdered;
    this.#positions = isStream ? [] : undefined;
    this.#left = many;
    this.#resolve = resolve;
  }
  stored(index: number, offset: bigint | undefined): void {
    if (this.#positions !== undefined && offset !== undefined) this.#positions[index] = String(offset);
    this.#done();
  }
  unsent(index: number, outcome: Unsent['outcome'], error: unknown): void {
    this.#unsent.push({ index, outcome, error });
    this.#done();
  }
  #done(): void {
    if (--this.#left > 0) return;
    const positions = this.#positions;
    this.#resolve({ unsent: this.#unsent, ...(positions && { position: (index: number) => positions[index] }) });
  }
}
