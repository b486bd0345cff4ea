import { PushBuffer, WaybillError } from '@waybill/core/driver';
import type { Channel, ConsumeMessage } from 'amqplib';

/** One consumer on a channel of its own, with what it brought and nobody pulled yet. Prefetch, errors and tags are nobody else's. */
export class Consumption {
  readonly channel: Channel;
  readonly buffer = new PushBuffer<ConsumeMessage>();
  /** As `Receiver.closed`. */
  readonly closed: Promise<unknown>;
  readonly #channelClosed: Promise<void>;
  #consumerTag = '';
  #isEnded = false;
  #resolve: (cause: unknown) => void = () => undefined;

  constructor(channel: Channel) {
    this.channel = channel;
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
    let lastError: unknown;
    channel.on('error', (error) => (lastError = error));
    this.#channelClosed = new Promise((resolve) => channel.once('close', resolve));
    channel.once('close', () =>
      this.end(lastError ?? new WaybillError('unavailable', 'The channel of the consumer was closed')),
    );
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  async consume(queue: string, onMessage: (message: ConsumeMessage) => void, args?: object): Promise<void> {
    const options = args === undefined ? {} : { arguments: args };
    const { consumerTag } = await this.channel.consume(
      queue,
      (message) => (message === null ? this.#cancelled(queue) : onMessage(message)),
      options,
    );
    this.#consumerTag = consumerTag;
  }

  /** No delivery comes after it. */
  async cancel(): Promise<void> {
    await this.channel.cancel(this.#consumerTag);
  }

  /** Says so first: a goodbye to a dead peer may take long. */
  end(cause: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.buffer.take();
    this.buffer.end(cause ?? new WaybillError('closed', 'The receiver was closed'));
    this.#resolve(cause);
  }

  /** amqplib's promise rejects when the channel is gone, and never settles when it goes meanwhile: the event tells both. */
  async hangUp(): Promise<void> {
    this.channel.close().catch(() => undefined);
    await this.#channelClosed;
  }

  /** The queue was deleted or its leader lost, or (from 4.3 on) a delivery was held longer than the consumer timeout. */
  #cancelled(queue: string): void {
    this.end(
      new WaybillError(
        'not-found',
        `RabbitMQ cancelled the consumer of "${queue}": the queue is gone, or a delivery was held longer than the consumer timeout`,
      ),
    );
    void this.hangUp();
  }
}
