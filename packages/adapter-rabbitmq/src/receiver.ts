import type {
  Lane,
  LaneOwner,
  MessageReceiver,
  Receipted,
  ReceiveOptions,
  Settlement,
  Unsettled,
} from '@waybill/core/driver';
import { type Channel, type ConsumeMessage, IllegalOperationError } from 'amqplib';
import type { Consumption } from './consumption.ts';
import { QueueMessage } from './records.ts';

/** RabbitMQ advises no more for one consumer of a quorum queue. */
const mostInFlight = 2_000;

/** What matters of a queue to its receiver. */
export interface Way {
  /** Of a queue that goes with its receiver: how messages come to it. */
  readonly address?: string;
  readonly unbind?: () => Promise<unknown>;
  /** The queue has a single active consumer, and the next one must find everything in its order. */
  readonly isOrdered?: boolean;
}

export class QueueReceiver implements MessageReceiver<number>, Lane<Receipted<number>> {
  readonly style = 'message';
  readonly id = '';
  readonly native: Channel;
  readonly closed: Promise<unknown>;
  /** Of a reply inbox, which is a queue as any other. */
  readonly address?: string;
  readonly #consumption: Consumption;
  readonly #options: ReceiveOptions;
  readonly #unbind: (() => Promise<unknown>) | undefined;
  readonly #isOrdered: boolean;
  /** Delivery tags count from 1 without gaps: every tag below is settled, and those in `early`. */
  #low = 1;
  readonly #early = new Set<number>();
  #closing: Promise<void> | undefined;

  constructor(consumption: Consumption, options: ReceiveOptions, { address, unbind, isOrdered = false }: Way) {
    this.native = consumption.channel;
    this.closed = consumption.closed;
    this.#consumption = consumption;
    this.#options = options;
    this.#unbind = unbind;
    this.#isOrdered = isOrdered;
    if (address !== undefined) this.address = address;
  }

  start(owner: LaneOwner<Receipted<number>>): void {
    owner.granted([this]);
  }

  async open(queue: string): Promise<void> {
    await this.#setPrefetch();
    const { buffer } = this.#consumption;
    await this.#consumption.consume(queue, (message) => buffer.push(message));
  }

  async pull(limit: number, signal: AbortSignal): Promise<readonly Receipted<number>[]> {
    const messages = await this.#consumption.buffer.pull(limit, signal);
    const last = messages.at(-1);
    if (last !== undefined && this.#options.delivery === 'at-most-once') await this.#forget(last.fields.deliveryTag);
    return messages.map((message) => new QueueMessage(message));
  }

  async settle(batch: readonly Settlement<number>[]): Promise<readonly Unsettled[]> {
    const accepted: number[] = [];
    try {
      if (this.#consumption.isEnded) return lost(batch);
      for (const settlement of batch) {
        if (settlement.outcome === 'accept') accepted.push(settlement.receipt);
        else this.#giveBack(settlement);
      }
      this.#accept(accepted.sort((one, other) => one - other));
      return [];
    } catch (error) {
      // The connection is saying goodbye: nothing of the batch was sent.
      if (error instanceof IllegalOperationError) return lost(batch);
      throw error;
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    if (!this.#isOrdered) await this.#giveBackAll();
    this.#consumption.end(undefined);
    await this.#consumption.hangUp();
  }

  /**
   * With `nack`, which RabbitMQ from 4.3 on does not count as a failure; a closed channel it does. Not where order
   * matters: a cancelled consumer makes the next one active before anything is given back, and what is given back to a
   * consumer that is still there comes to it again, behind the rest. A closed channel gives everything back in one step,
   * in its order, and only then is the next one active.
   */
  async #giveBackAll(): Promise<void> {
    try {
      // First of all: without its consumer the queue goes, and while it is bound that makes the broker nack messages.
      await this.#unbind?.();
      await this.#consumption.cancel();
      if (!this.#consumption.isEnded) this.native.nackAll(true);
    } catch {
      // The channel is gone, and everything unsettled is given back with it.
    }
  }

  /** The longest settled prefix in one multiple ack, the rest one by one. */
  #accept(ascending: readonly number[]): void {
    let upTo: number | undefined;
    for (const tag of ascending) {
      if (tag === this.#low) upTo = tag;
      else this.native.ack(tagged(tag));
      this.#settled(tag);
    }
    if (upTo !== undefined) this.native.ack(tagged(upTo), true);
  }

  /**
   * `reject` counts as a failure and waits for the delayed retry, where the queue has one. `nack` does neither from 4.3
   * on, so that a message that is only ever nacked comes again without end. Before 4.3 both count as deliveries.
   */
  #giveBack(settlement: Exclude<Settlement<number>, { outcome: 'accept' }>): void {
    const message = tagged(settlement.receipt);
    if (settlement.outcome === 'reject') this.native.reject(message, false);
    else if (settlement.failed) this.native.reject(message, true);
    else this.native.nack(message, false, true);
    this.#settled(settlement.receipt);
  }

  #settled(tag: number): void {
    if (tag !== this.#low) return void this.#early.add(tag);
    do this.#low++;
    while (this.#early.delete(this.#low));
  }

  /**
   * An ack has no answer, but a channel works in order: the answer to what follows proves that the ack was taken. Not by
   * no-ack mode, which would push a whole backlog into our memory.
   */
  async #forget(upTo: number): Promise<void> {
    this.native.ack(tagged(upTo), true);
    await this.#setPrefetch();
  }

  #setPrefetch(): Promise<unknown> {
    return this.native.prefetch(Math.min(this.#options.maxInFlight, mostInFlight));
  }
}

/** All that amqplib reads of a message that it settles. */
const tagged = (deliveryTag: number): ConsumeMessage => ({ fields: { deliveryTag } }) as ConsumeMessage;

const lost = (batch: readonly Settlement<number>[]): readonly Unsettled[] =>
  batch.map((_, index) => ({ index, outcome: 'lost' }));
