import {
  type From,
  type Lane,
  type LaneOwner,
  type Positioned,
  type PositionReceiver,
  type ReceiveOptions,
  type Start,
  WaybillError,
} from '@waybill/core/driver';
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Consumption } from './consumption.ts';
import { offsetOf, StreamMessage } from './records.ts';

type To = Start | { readonly after: string };

/** Where to attach, and what to pass over there: RabbitMQ finds chunks of messages, by whole seconds. */
interface Beginning {
  readonly offset: unknown;
  readonly isBefore: (message: ConsumeMessage) => boolean;
}

/**
 * A stream queue. Acknowledgements are credit and move nothing, so each pull pays for what it takes. `noAck`, `nack` and
 * `reject` would close the whole connection.
 */
export class StreamReceiver implements PositionReceiver, Lane<Positioned> {
  readonly style = 'position';
  readonly id = '';
  readonly native: Channel;
  readonly closed: Promise<unknown>;
  readonly #consumption: Consumption;
  readonly #stream: string;

  constructor(consumption: Consumption, stream: string) {
    this.native = consumption.channel;
    this.closed = consumption.closed;
    this.#consumption = consumption;
    this.#stream = stream;
  }

  start(owner: LaneOwner<Positioned>): void {
    owner.granted([this]);
  }

  async open(from: From, options: ReceiveOptions): Promise<void> {
    await this.native.prefetch(Math.min(options.maxInFlight, mostPrefetch));
    await this.#attach(placeOf(from));
  }

  async pull(limit: number, signal: AbortSignal): Promise<readonly Positioned[]> {
    const messages = await this.#consumption.buffer.pull(limit, signal);
    this.#pay(messages);
    return messages.map((message) => new StreamMessage(message));
  }

  async seek(to: To): Promise<void> {
    await this.#consumption.cancel();
    this.#pay(this.#consumption.buffer.take());
    await this.#attach(to);
  }

  close(): Promise<void> {
    this.#consumption.end(undefined);
    return this.#consumption.hangUp();
  }

  #pay(messages: readonly ConsumeMessage[]): void {
    const last = messages.at(-1);
    if (last !== undefined && !this.#consumption.isEnded) this.native.ack(last, true);
  }

  async #attach(to: To): Promise<void> {
    const { offset, isBefore } = beginningOf(to);
    const { buffer } = this.#consumption;
    let isThere = false;
    const onMessage = (message: ConsumeMessage): void => {
      isThere ||= !isBefore(message);
      if (isThere) buffer.push(message);
      else this.native.ack(message);
    };
    await this.#consumption.consume(this.#stream, onMessage, { 'x-stream-offset': offset });
  }
}

/** A 16-bit number in AMQP. */
const mostPrefetch = 65_535;

/** One lane, whose id is `''`. */
function placeOf(from: From): To {
  if (typeof from === 'string' || !('after' in from)) return from;
  const after = from.after[''];
  return after === undefined ? from.otherwise : { after };
}

function beginningOf(to: To): Beginning {
  if (to === 'earliest') return { offset: 'first', isBefore: () => false };
  if (to === 'latest') return { offset: 'next', isBefore: () => false };
  if ('timestamp' in to) {
    // A second earlier, for clocks that disagree a little: what is early is passed over by its own time.
    const seconds = Math.max(0, Math.floor(to.timestamp / 1000) - 1);
    return {
      offset: { '!': 'timestamp', value: seconds },
      isBefore: (message) => (new StreamMessage(message).sentAt ?? Infinity) < to.timestamp,
    };
  }
  const position = /^\d+$/.test(to.after) ? Number(to.after) : Number.NaN;
  if (!Number.isSafeInteger(position))
    throw new WaybillError('invalid', `"${to.after}" is no position of a RabbitMQ stream, which is a whole number`);
  return { offset: position + 1, isBefore: (message) => offsetOf(message) <= position };
}
