import { allSent, type Outgoing, type Sent, type Unsent, WaybillError } from '@waybill/core/driver';
import type { ConfirmChannel, Message } from 'amqplib';
import type { Connection } from './connection.ts';
import { classify } from './errors.ts';
import { bufferOf, isSame, publishOptions, type Route } from './records.ts';

/** One call of `send` on its way. */
interface Batch {
  readonly messages: readonly Outgoing[];
  readonly route: Route;
  readonly resolve: (sent: Sent) => void;
  /** Of its first message; the others follow. */
  readonly firstTag: number;
  /** Where the messages stand in the call, by tag: those that never left have none. */
  readonly indexes: number[];
  unconfirmed: number;
  failures: Map<number, Unsent> | undefined;
}

/** How many confirmed tags are kept before the list is cut: one cut for many confirms. */
const confirmedKept = 1024;

type Verdict = Omit<Unsent, 'index'>;

/**
 * One confirm channel to one exchange. Confirms are counted by tag, with one record for a batch instead of one callback
 * for a message. It ends when the server closes the channel, which then concerns no other exchange.
 */
export class Publisher {
  readonly #connection: Connection;
  readonly #channel: ConfirmChannel;
  /** The batch of each tag from `base` on, and nothing where it is confirmed. */
  readonly #batches: (Batch | undefined)[] = [];
  #base = 1;
  /** No lower tag is unconfirmed. */
  #lowTag = 1;
  #nextTag = 1;
  #hasConfirmed = false;
  #isOpen = true;

  constructor(connection: Connection, channel: ConfirmChannel) {
    this.#connection = connection;
    this.#channel = channel;
    let lastError: Error | undefined;
    channel.on('error', (error) => (lastError = error));
    channel.on('close', () => this.#finish(lastError));
    channel.on('return', (message) => this.#returned(message));
    channel.on('ack', ({ deliveryTag, multiple }) => this.#confirmed(deliveryTag, multiple, false));
    channel.on('nack', ({ deliveryTag, multiple }) => this.#confirmed(deliveryTag, multiple, true));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  send(route: Route, messages: readonly Outgoing[]): Promise<Sent> {
    return new Promise((resolve) => {
      const firstTag = this.#nextTag;
      const batch: Batch = { messages, route, resolve, firstTag, indexes: [], unconfirmed: 0, failures: undefined };
      this.#connection.corked(() => messages.forEach((message, index) => this.#publish(batch, message, index)));
      batch.unconfirmed = batch.indexes.length;
      if (batch.unconfirmed === 0) settle(batch);
    });
  }

  #publish(batch: Batch, message: Outgoing, index: number): void {
    const { exchange, routingKey = message.routingKey ?? '' } = batch.route;
    try {
      this.#channel.publish(exchange, routingKey, bufferOf(message.body), publishOptions(message, batch.route));
      batch.indexes.push(index);
      this.#batches.push(batch);
      this.#nextTag++;
    } catch (error) {
      // amqplib encodes before it writes: nothing of this message has left, and its tag is still free.
      fail(batch, index, { outcome: 'rejected', error: unencodable(error) });
    }
  }

  #confirmed(tag: number, isMultiple: boolean, isRefused: boolean): void {
    this.#hasConfirmed = true;
    for (let one = isMultiple ? this.#lowTag : tag; one <= tag; one++) this.#tell(one, isRefused);
    while (this.#lowTag < this.#nextTag && this.#batchOf(this.#lowTag) === undefined) this.#lowTag++;
    const confirmed = this.#lowTag - this.#base;
    if (confirmed < confirmedKept) return;
    this.#batches.splice(0, confirmed);
    this.#base = this.#lowTag;
  }

  #batchOf(tag: number): Batch | undefined {
    return this.#batches[tag - this.#base];
  }

  #tell(tag: number, isRefused: boolean): void {
    const batch = this.#batchOf(tag);
    if (batch === undefined) return;
    this.#batches[tag - this.#base] = undefined;
    if (isRefused) fail(batch, indexOf(batch, tag), refusal(batch.route));
    if (--batch.unconfirmed === 0) settle(batch);
  }

  /** The `return` of a message comes before its confirm, so it is still open. */
  #returned(message: Message): void {
    for (const [offset, batch] of this.#batches.entries()) {
      const index = batch ? indexOf(batch, this.#base + offset) : -1;
      const sent = batch?.messages[index];
      if (!batch || !sent || batch.failures?.has(index) || !isSame(sent, batch.route, message)) continue;
      const text = `RabbitMQ has no queue "${message.fields.routingKey}"; declare it first`;
      return fail(batch, index, { outcome: 'rejected', error: new WaybillError('unroutable', text) });
    }
  }

  #finish(error: Error | undefined): void {
    this.#isOpen = false;
    const verdict = this.#verdict(error);
    for (const [offset, batch] of this.#batches.splice(0).entries()) {
      if (batch === undefined) continue;
      fail(batch, indexOf(batch, this.#base + offset), verdict(batch, this.#base + offset));
      if (--batch.unconfirmed === 0) settle(batch);
    }
  }

  /**
   * The server does not say which message it closed the channel for. Certainly not stored is what is above a limit that
   * the text names; the last one open, which is the culprit or came after it; and everything, when the right to write was
   * refused before anything was confirmed (RabbitMQ asks for it at the first message of a channel).
   */
  #verdict(error: Error | undefined): (batch: Batch, tag: number) => Verdict {
    const cause = error ?? new WaybillError('unavailable', 'The connection to RabbitMQ was lost before the confirm');
    const limit = Number(/configured max size (\d+)/.exec(cause.message)?.[1] ?? Infinity);
    const isRefused = classify(cause) === 'denied' && !this.#hasConfirmed;
    const lastTag = isOfPublish(cause) ? this.#nextTag - 1 : undefined;
    return (batch, tag) => {
      const isTooLarge = (batch.messages[indexOf(batch, tag)]?.body?.byteLength ?? 0) > limit;
      return { outcome: isTooLarge || isRefused || tag === lastTag ? 'rejected' : 'unknown', error: cause };
    };
  }
}

/** The numbers of `basic.publish` in AMQP 0-9-1. */
const isOfPublish = (error: Error): boolean =>
  'classId' in error && error.classId === 60 && 'methodId' in error && error.methodId === 40;

const indexOf = (batch: Batch, tag: number): number => batch.indexes[tag - batch.firstTag] ?? -1;

/** The first verdict stands: a returned message is confirmed afterwards. */
function fail(batch: Batch, index: number, verdict: Verdict): void {
  batch.failures ??= new Map();
  if (!batch.failures.has(index)) batch.failures.set(index, { index, ...verdict });
}

/** Of several queues behind a topic one refused, or went away with the message: the others may have it. */
const refusal = ({ exchange }: Route): Verdict =>
  exchange === ''
    ? {
        outcome: 'rejected',
        error: new WaybillError(
          'rejected',
          'RabbitMQ refused the message (basic.nack), as it does when a queue is at its length limit',
        ),
      }
    : {
        outcome: 'unknown',
        error: new WaybillError(
          'unknown-outcome',
          `A queue behind the topic "${exchange}" refused the message (basic.nack); others may have stored it`,
        ),
      };

const settle = (batch: Batch): void =>
  batch.resolve(batch.failures === undefined ? allSent : { unsent: [...batch.failures.values()] });

function unencodable(error: unknown): unknown {
  if (error instanceof RangeError)
    return new WaybillError(
      'too-large',
      `The headers do not fit: RabbitMQ takes 64 KiB of them, with names of up to 255 bytes (${error.message})`,
      { cause: error },
    );
  if (error instanceof TypeError)
    return new WaybillError('invalid', `AMQP cannot carry this message: ${error.message}`, { cause: error });
  return error;
}
