import { noneSent, type Outgoing, type Sent, type Target, type Unsent } from '@waybill/core/driver';
import { topicOf } from './names.ts';
import { heldBack, PartitionQueue, type SendCall } from './partition-queue.ts';
import { sizeOf } from './records.ts';
import type { Routing } from './routing.ts';
import type { Wire, WireRecord } from './wire.ts';

/** Splits a batch by partition; each partition has one request out at a time, which keeps its order. */
export class Sender {
  readonly #wire: Wire;
  readonly #routing: Routing;
  readonly #queues = new Map<string, PartitionQueue>();

  constructor(wire: Wire, routing: Routing) {
    this.#wire = wire;
    this.#routing = routing;
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

  /** One record, as it is, to this partition. Resolves with whether it certainly is stored. */
  append(topic: string, partition: number, record: WireRecord): Promise<boolean> {
    return new Promise((resolve) => {
      const call: SendCall = { stored: () => resolve(true), unsent: () => resolve(false) };
      const queue = this.#queue(topic, partition);
      queue.add({ record, bytes: sizeOf(record), key: undefined, call, index: 0 });
      queue.run();
    });
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
    const { partition, record, bytes } = this.#routing.route(message, count);
    const queue = this.#queue(topic, partition);
    queue.add({ record, bytes, key: message.key, call, index });
    return queue;
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
