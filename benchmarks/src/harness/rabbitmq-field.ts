import { type Channel, type ChannelModel, connect as connectRaw } from 'amqplib';
import { connect, type Destinations } from '@waybill/core';
import type { SequenceFaults } from '../arms/shared/measured.ts';
import { lone, usual } from '../arms/waybill/places.ts';
import { envelope, Window } from '../arms/rabbitmq/raw.ts';
import { indexOf, type Order } from '../arms/shared/order.ts';
import { Sequence } from '../arms/shared/sequence.ts';
import type { Field } from './row.ts';

const fillWindow = 2000;

/**
 * The harness's own connection to the broker: it fills queues before a run and looks at them after it. Waybill declares
 * them, so that the raw arms have the very same queues.
 */
export class RabbitmqGround {
  readonly #url: string;
  readonly #connection: ChannelModel;
  readonly #name = `bench-${process.pid}`;
  readonly #declared = new Set<string>();
  #uses = 0;

  private constructor(url: string, connection: ChannelModel) {
    this.#url = url;
    this.#connection = connection;
  }

  static async open(url: string): Promise<RabbitmqGround> {
    return new RabbitmqGround(url, await connectRaw(url, { noDelay: true }));
  }

  /** Removes all its queues. */
  async close(): Promise<void> {
    await this.#onChannel(async (channel) => {
      for (const name of this.#declared) for (const suffix of beside) await channel.deleteQueue(name + suffix);
    });
    await this.#connection.close();
  }

  /** A queue with so many messages in it, which the run consumes. */
  async filled(count: number): Promise<Field> {
    const queue = await this.#usual();
    const channel = await this.#connection.createConfirmChannel();
    await new Window(channel, queue, fillWindow, envelope).send(count);
    await channel.close();
    return this.#field([queue], queue);
  }

  /** An empty queue, which the run fills with numbers from 0 to `count`. */
  async empty(count: number): Promise<Field> {
    const queue = await this.#usual();
    return { ...this.#field([queue], queue), faults: () => this.#drain(queue, count) };
  }

  /** So many empty queues, named `<queue>-<index>`, which the run fills and empties. */
  async many(count: number): Promise<Field> {
    const queue = `${this.#name}-many`;
    const names = Array.from({ length: count }, (_, index) => `${queue}-${index}`);
    await this.#declare(Object.fromEntries(names.map((name) => [name, lone(name)])));
    return this.#field(names, queue);
  }

  /** Two in turn, since two arms may run at once. */
  async #usual(): Promise<string> {
    const queue = `${this.#name}-${this.#uses++ % 2}`;
    await this.#declare({ [queue]: usual(queue) });
    return queue;
  }

  async #declare(destinations: Destinations): Promise<void> {
    const missing = Object.fromEntries(Object.entries(destinations).filter(([name]) => !this.#declared.has(name)));
    if (Object.keys(missing).length === 0) return;
    await using bus = await connect(this.#url, missing, { connectTimeoutMs: 300_000 });
    await bus.ping();
    for (const name of Object.keys(missing)) this.#declared.add(name);
  }

  #field(names: readonly string[], queue: string): Field {
    return { settings: { url: this.#url, queue }, remove: () => this.#purge(names) };
  }

  /** A quorum queue drops acknowledgements that it has not applied when their channel ends: those messages are here again. */
  async #purge(names: readonly string[]): Promise<void> {
    await this.#onChannel(async (channel) => {
      for (const name of names) await channel.purgeQueue(name);
    });
  }

  /** Takes out everything that the broker confirmed, and looks at its numbers. */
  async #drain(queue: string, expected: number): Promise<SequenceFaults> {
    return this.#onChannel(async (channel) => {
      const sequence = new Sequence();
      let { messageCount: left } = await channel.checkQueue(queue);
      await new Promise<void>((resolve) => {
        if (left === 0) resolve();
        const see = (content: Buffer): void => {
          sequence.see(indexOf(JSON.parse(content.toString()) as Order));
          if (--left === 0) resolve();
        };
        void channel.consume(queue, (message) => message && see(message.content), { noAck: true });
      });
      return sequence.faults(expected);
    });
  }

  async #onChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.#connection.createChannel();
    const result = await work(channel);
    await channel.close();
    return result;
  }
}

/** The queue itself, and what Waybill declares beside it. Deleting what does not exist is no error on RabbitMQ. */
const beside = ['', '.dead', '.delay.250', '.delay.1000', '.delay.4000'];
