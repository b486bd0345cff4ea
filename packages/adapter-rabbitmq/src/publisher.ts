import { allSent, type Outgoing, type Sent, type Unsent, WaybillError } from '@waybill/core/driver';
import type { ConfirmChannel, Message } from 'amqplib';
import type { Connection } from './connection.ts';
import { classify } from './errors.ts';
import { bufferOf, isSame, publishOptions, type Route } from './records.ts';

/** One call of `send` on its way. Its messages have consecutive tags from `first`, but for those that never left. */
interface Batch {
  readonly first: number;
  readonly messages: readonly Outgoing[];
  readonly route: Route;
  readonly resolve: (sent: Sent) => void;
  /** The index of each tag, where that is not `tag - first`. */
  indexes: number[] | undefined;
  /** Published messages. */
  count: number;
  /** Not yet confirmed. */
  left: number;
  failures: Map<number, Unsent> | undefined;
}

type Verdict = Omit<Unsent, 'index'>;

/**
 * One confirm channel to one exchange. Confirms are counted by tag, one record for a batch, instead of one callback for a
 * message. It ends when the server closes the channel, which then concerns no other exchange.
 */
export class Publisher {
  readonly #connection: Connection;
  readonly #channel: ConfirmChannel;
  /** Oldest first, so ordered by tag. */
  readonly #batches: Batch[] = [];
  #next = 1;
  /** Every tag below is confirmed, and those in `early`. */
  #low = 1;
  readonly #early = new Set<number>();
  #ended = false;

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
    return !this.#ended;
  }

  send(route: Route, messages: readonly Outgoing[]): Promise<Sent> {
    return new Promise((resolve) => {
      const batch: Batch = { first: this.#next, messages, route, resolve, indexes: undefined, count: 0, left: 0, failures: undefined };
      this.#connection.corked(() => this.#publish(batch));
      batch.left = batch.count;
      if (batch.count === 0) settle(batch);
      else this.#batches.push(batch);
    });
  }

  #publish(batch: Batch): void {
    const { messages, route } = batch;
    for (let index = 0; index < messages.length; index++) {
      const message = messages[index];
      if (message === undefined) continue;
      try {
        this.#channel.publish(route.exchange, route.routingKey ?? message.routingKey ?? '', bufferOf(message.body), publishOptions(message, route));
        batch.indexes?.push(index);
        batch.count++;
        this.#next++;
      } catch (error) {
        // amqplib encodes before it writes: nothing of this message has left, and its tag is still free.
        batch.indexes ??= Array.from({ length: index }, (_, earlier) => earlier);
        fail(batch, index, { outcome: 'rejected', error: unencodable(error) });
      }
    }
  }

  #confirmed(tag: number, isMultiple: boolean, isRefused: boolean): void {
    if (isMultiple) for (let one = this.#low; one < tag; one++) if (!this.#early.has(one)) this.#tell(one, isRefused);
    this.#tell(tag, isRefused);
    if (isMultiple || tag === this.#low) this.#raise(tag);
    else this.#early.add(tag);
  }

  /** Everything up to `tag` is confirmed, and what directly follows it. */
  #raise(tag: number): void {
    if (this.#early.size > 0) for (let one = this.#low; one <= tag; one++) this.#early.delete(one);
    this.#low = tag + 1;
    while (this.#early.size > 0 && this.#early.delete(this.#low)) this.#low++;
  }

  #tell(tag: number, isRefused: boolean): void {
    const at = this.#find(tag);
    const batch = this.#batches[at];
    if (batch === undefined) return;
    if (isRefused) fail(batch, indexOf(batch, tag), refusal(batch.route));
    if (--batch.left > 0) return;
    if (at === 0) this.#batches.shift();
    else this.#batches.splice(at, 1);
    settle(batch);
  }

  /** Most confirms concern the oldest batch; others are found by halving. */
  #find(tag: number): number {
    let low = 0;
    let high = this.#batches.length - 1;
    while (low < high) {
      const batch = this.#batches[low];
      if (batch !== undefined && tag < batch.first + batch.count) return low;
      const middle = (low + high + 1) >> 1;
      if ((this.#batches[middle]?.first ?? Infinity) <= tag) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The `return` of a message comes before its confirm, so it is still open. */
  #returned(message: Message): void {
    for (const batch of this.#batches) {
      for (const tag of this.#openTags(batch)) {
        const index = indexOf(batch, tag);
        const sent = batch.messages[index];
        if (sent === undefined || batch.failures?.has(index) || !isSame(sent, batch.route, message)) continue;
        return fail(batch, index, { outcome: 'rejected', error: new WaybillError('unroutable', `RabbitMQ has no queue "${message.fields.routingKey}"; declare it first`) });
      }
    }
  }

  *#openTags(batch: Batch): Generator<number> {
    for (let tag = Math.max(batch.first, this.#low); tag < batch.first + batch.count; tag++) if (!this.#early.has(tag)) yield tag;
  }

  #finish(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    const verdict = this.#verdict(error);
    for (const batch of this.#batches.splice(0)) {
      for (const tag of this.#openTags(batch)) fail(batch, indexOf(batch, tag), verdict(batch, tag));
      settle(batch);
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
    const isPublish = 'classId' in cause && cause.classId === basicPublish.classId && 'methodId' in cause && cause.methodId === basicPublish.methodId;
    const isRefused = classify(cause) === 'denied' && this.#low === 1 && this.#early.size === 0;
    return (batch, tag) => {
      const isTooLarge = (batch.messages[indexOf(batch, tag)]?.body?.byteLength ?? 0) > limit;
      const isLast = isPublish && tag === this.#next - 1;
      return { outcome: isTooLarge || isRefused || isLast ? 'rejected' : 'unknown', error: cause };
    };
  }
}

/** `basic.publish` in AMQP 0-9-1. */
const basicPublish = { classId: 60, methodId: 40 };

const indexOf = (batch: Batch, tag: number): number => batch.indexes?.[tag - batch.first] ?? tag - batch.first;

/** The first verdict stands: a returned message is confirmed afterwards. */
function fail(batch: Batch, index: number, verdict: Verdict): void {
  batch.failures ??= new Map();
  if (!batch.failures.has(index)) batch.failures.set(index, { index, ...verdict });
}

/** Of several queues behind a topic one refused, or went away with the message: the others may have it. */
const refusal = ({ exchange }: Route): Verdict =>
  exchange === ''
    ? { outcome: 'rejected', error: new WaybillError('rejected', 'RabbitMQ refused the message (basic.nack), as it does when a queue is at its length limit') }
    : { outcome: 'unknown', error: new WaybillError('unknown-outcome', `A queue behind the topic "${exchange}" refused the message (basic.nack); others may have stored it`) };

const settle = (batch: Batch): void => batch.resolve(batch.failures === undefined ? allSent : { unsent: [...batch.failures.values()] });

function unencodable(error: unknown): unknown {
  if (error instanceof RangeError) return new WaybillError('too-large', `The headers do not fit: RabbitMQ takes 64 KiB of them, with names of up to 255 bytes (${error.message})`, { cause: error });
  if (error instanceof TypeError) return new WaybillError('invalid', `AMQP cannot carry this message: ${error.message}`, { cause: error });
  return error;
}
