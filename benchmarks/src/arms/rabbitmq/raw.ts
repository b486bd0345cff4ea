import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  connect,
  type ConsumeMessage,
  type Options,
} from 'amqplib';
import { makeOrder, type Order } from '../shared/order.ts';

/** What Waybill sends with every message, so that a raw arm with the same guarantee sends it too. */
export function envelope(): Options.Publish {
  return {
    persistent: true,
    mandatory: true,
    contentType: 'application/json',
    messageId: randomUUID(),
    timestamp: Math.floor(Date.now() / 1000),
  };
}

/** Nothing but durability. */
export const bare = (): Options.Publish => ({ persistent: true });

/** The best that amqplib's own interface gives: a window that confirms refill, one callback for all messages. */
export class Window {
  readonly #channel: ConfirmChannel;
  readonly #queue: string;
  readonly #width: number;
  readonly #properties: () => Options.Publish;
  readonly #write: (publish: () => void) => void;
  #next = 0;
  #end = 0;
  #open = 0;
  #done: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  /** `write`: how the publishes of one turn are written. Default: as amqplib does, a system call for each. */
  constructor(
    channel: ConfirmChannel,
    queue: string,
    width: number,
    properties: () => Options.Publish,
    write: (publish: () => void) => void = (publish) => publish(),
  ) {
    this.#write = write;
    this.#channel = channel;
    this.#queue = queue;
    this.#width = width;
    this.#properties = properties;
    channel.on('return', () => this.#fail(new Error('A message was returned')));
  }

  /** Publishes so many more; resolves when all are confirmed. */
  send(count: number): Promise<void> {
    if (count === 0) return Promise.resolve();
    this.#end += count;
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#fail = reject;
      this.#fill();
    });
  }

  readonly #fill = (): void => this.#write(this.#publish);

  readonly #publish = (): void => {
    while (this.#open < this.#width && this.#next < this.#end) {
      this.#open++;
      const body = Buffer.from(JSON.stringify(makeOrder(this.#next++)));
      this.#channel.publish('', this.#queue, body, this.#properties(), this.#confirmed);
    }
  };

  readonly #confirmed = (error: unknown): void => {
    if (error) return this.#fail(error);
    this.#open--;
    if (this.#next < this.#end) this.#fill();
    else if (this.#open === 0) this.#done();
  };
}

/** Connects, and finds the socket that amqplib does not show: through it the frames of one turn leave in one system call. */
export async function connectCorked(
  url: string,
): Promise<{ readonly connection: ChannelModel; readonly write: (publish: () => void) => void }> {
  let socket: Socket | undefined;
  const look = (message: unknown): void => {
    socket = (message as { readonly socket: Socket }).socket;
  };
  subscribe('net.client.socket', look);
  const connecting = connect(url, { noDelay: true });
  unsubscribe('net.client.socket', look);
  const connection = await connecting;
  let isCorked = false;
  const uncork = (): void => {
    isCorked = false;
    socket?.uncork();
  };
  const write = (publish: () => void): void => {
    if (!isCorked) {
      isCorked = true;
      socket?.cork();
      // amqplib writes in an immediate that it asks for in the next tick; this one comes after it.
      process.nextTick(() => setImmediate(uncork));
    }
    publish();
  };
  return { connection, write };
}

/** As one writes a consumer by hand: parse, handle, acknowledge each message. */
export async function consumeIdiomatically(
  channel: Channel,
  queue: string,
  handle: (order: Order) => Promise<void>,
): Promise<void> {
  const consume = async (message: ConsumeMessage): Promise<void> => {
    try {
      await handle(JSON.parse(message.content.toString()) as Order);
      channel.ack(message);
    } catch {
      channel.nack(message);
    }
  };
  await channel.consume(queue, (message) => {
    if (message === null) throw new Error('The consumer was cancelled');
    void consume(message);
  });
}

/** One multiple acknowledgement a turn, of the prefix that is handled: never of a message whose handler still runs. */
export async function consumeTuned(
  channel: Channel,
  queue: string,
  handle: (order: Order) => Promise<void>,
): Promise<void> {
  const early = new Set<number>();
  let next = 1;
  let last: ConsumeMessage | undefined;
  const flush = (): void => {
    if (last !== undefined) channel.ack(last, true);
    last = undefined;
  };
  const handled = (message: ConsumeMessage): void => {
    const { deliveryTag } = message.fields;
    if (deliveryTag !== next) return void early.add(deliveryTag);
    do next++;
    while (early.size > 0 && early.delete(next));
    if (last === undefined) setImmediate(flush);
    last = next === deliveryTag + 1 ? message : ({ fields: { deliveryTag: next - 1 } } as ConsumeMessage);
  };
  await channel.consume(queue, (message) => {
    if (message === null) throw new Error('The consumer was cancelled');
    handle(JSON.parse(message.content.toString()) as Order).then(
      () => handled(message),
      () => channel.nack(message),
    );
  });
}
