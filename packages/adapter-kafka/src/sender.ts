import { noneSent, type Outgoing, type Sent, type Target, type Unsent, WaybillError } from '@waybill/core/driver';
import { topicOf } from './names.ts';
import { partitionOf } from './partitioner.ts';
import { heldBack, PartitionQueue, type SendCall } from './partition-queue.ts';
import { recordOf, sizeOf } from './records.ts';
import type { Wire } from './wire.ts';

/** Splits a batch by partition; each partition has one request out at a time, which keeps its order. */
export class Sender {
  readonly #wire: Wire;
  readonly #maxBytes: number;
  readonly #queues = new Map<string, PartitionQueue>();
  #turn = Math.floor(Math.random() * 1000);

  constructor(wire: Wire, maxBytes: number) {
    this.#wire = wire;
    this.#maxBytes = maxBytes;
  }

  async send(target: Target, batch: readonly Outgoing[]): Promise<Sent> {
    try {
      const topic = topicOf(target);
      return await this.#spread(topic, target, batch, await this.#wire.partitionsOf(topic));
    } catch (error) {
      // Nothing has left.
      return noneSent(batch, 'rejected', error);
    }
  }

  #spread(topic: string, target: Target, batch: readonly Outgoing[], count: number): Promise<Sent> {
    return new Promise((resolve) => {
      const call = new Call(target.kind === 'stream', batch.length, resolve);
      const filled = new Set<PartitionQueue>();
      const failed = new Map<string | undefined, unknown>();
      batch.forEach((message, index) => {
        try {
          if (message.key !== undefined && failed.has(message.key)) throw heldBack(failed.get(message.key));
          filled.add(this.#enqueue(topic, message, count, call, index));
        } catch (error) {
          if (!failed.has(message.key)) failed.set(message.key, error);
          call.unsent(index, 'rejected', error);
        }
      });
      for (const queue of filled) queue.run();
    });
  }

  #enqueue(topic: string, message: Outgoing, count: number, call: Call, index: number): PartitionQueue {
    this.#checkSize(message);
    const record = recordOf(message);
    const queue = this.#queue(topic, partitionOf(message, record.key, count, this.#turn++));
    queue.add({ record, bytes: sizeOf(record), key: message.key, call, index });
    return queue;
  }

  /** The broker would take a little more, and a copy with the reason of its death would not fit any more. */
  #checkSize({ body }: Outgoing): void {
    const bytes = body?.byteLength ?? 0;
    if (bytes > this.#maxBytes)
      throw new WaybillError('too-large', `A body of ${bytes} bytes; this Kafka carries at most ${this.#maxBytes}`);
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
  readonly #unsent: Unsent[] = [];
  readonly #positions: string[] | undefined;
  readonly #resolve: (sent: Sent) => void;
  #left: number;

  constructor(isStream: boolean, many: number, resolve: (sent: Sent) => void) {
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
