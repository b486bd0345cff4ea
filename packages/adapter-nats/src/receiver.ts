import type {
  Lane,
  LaneOwner,
  LeaseReceiver,
  Receipted,
  ReceiveOptions,
  Settlement,
  Unsettled,
} from '@waybill/core/driver';
import type { Connection } from './connection.ts';
import type { Consumption } from './consumption.ts';
import type { Leftovers } from './leftovers.ts';
import type { Publisher } from './publisher.ts';
import type { QueueMessage } from './records.ts';
import { accepted, extendAll, lost, settleAll } from './settling.ts';

interface Terms extends Pick<ReceiveOptions, 'leaseMs' | 'delivery'> {
  readonly leftovers: Leftovers;
  /** Removes a consumer that is nobody else's. */
  readonly leave?: (() => Promise<unknown>) | undefined;
}

/** A durable consumer that many receivers share. */
export class QueueReceiver implements LeaseReceiver<string>, Lane<Receipted<string>> {
  readonly style = 'lease';
  readonly id = '';
  readonly native: Connection['client'];
  readonly closed: Promise<unknown>;
  readonly leaseMs: number;
  readonly #connection: Connection;
  readonly #publisher: Publisher;
  readonly #consumption: Consumption<QueueMessage>;
  readonly #delivery: ReceiveOptions['delivery'];
  readonly #leave: (() => Promise<unknown>) | undefined;
  /** What is handed out and not settled, and when its lease ends. */
  readonly #held = new Map<string, number>();
  #closing: Promise<void> | undefined;

  constructor(
    connection: Connection,
    publisher: Publisher,
    consumption: Consumption<QueueMessage>,
    { leaseMs, delivery, leave, leftovers }: Terms,
  ) {
    this.native = connection.client;
    this.closed = consumption.closed;
    this.leaseMs = leaseMs;
    this.#connection = connection;
    this.#publisher = publisher;
    this.#consumption = consumption;
    this.#delivery = delivery;
    this.#leave = leave;
    void consumption.closed.then((cause) => cause !== undefined && leftovers.addDeliveries(this.#held, connection));
  }

  start(owner: LaneOwner<Receipted<string>>): void {
    owner.granted([this]);
  }

  /** What lay in the buffer until its lease was over belongs to somebody else by now. */
  async pull(limit: number, signal: AbortSignal): Promise<readonly Receipted<string>[]> {
    const messages = await this.#consumption.pull(limit, signal);
    const oldest = performance.now() - this.leaseMs;
    const [first] = messages;
    const ours =
      first === undefined || first.arrivedAt > oldest
        ? messages
        : messages.filter(({ arrivedAt }) => arrivedAt > oldest);
    if (this.#delivery === 'at-most-once') return forgotten(this.#publisher, ours);
    for (const { receipt, arrivedAt } of ours) this.#held.set(receipt, arrivedAt + this.leaseMs);
    return ours;
  }

  async settle(batch: readonly Settlement<string>[]): Promise<readonly Unsettled[]> {
    // What is given back must not come to a request that is just being withdrawn.
    if (batch.some(({ outcome }) => outcome === 'release')) await this.#consumption.withdrawn();
    if (this.#consumption.isEnded) return lost(batch);
    for (const { receipt } of batch) this.#held.delete(receipt);
    return settleAll(this.#connection, batch);
  }

  async extend(receipts: readonly string[]): Promise<readonly Unsettled[]> {
    if (this.#consumption.isEnded) return lost(receipts);
    // A consumer that goes with its receiver must not go while all that may be in flight is.
    if (this.#leave !== undefined && !this.#connection.isForgetful) this.#consumption.keepAlive();
    const leaseEndsAt = performance.now() + this.leaseMs;
    for (const receipt of receipts) if (this.#held.has(receipt)) this.#held.set(receipt, leaseEndsAt);
    return extendAll(this.#connection, receipts);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#consumption.cancel().catch(() => undefined);
    if (!this.#consumption.isEnded) await this.#giveBack();
    this.#consumption.end(undefined);
  }

  async #giveBack(): Promise<void> {
    const { client } = this.#connection;
    for (const { receipt } of this.#consumption.buffer.take()) client.publish(receipt, '-NAK');
    for (const receipt of this.#held.keys()) client.publish(receipt, '-NAK');
    await Promise.all([client.flush(), this.#leave?.()]).catch(() => undefined);
  }
}

/** Those whose acknowledgement the server has confirmed. The others may come again, so they are nobody's now. */
export async function forgotten(
  publisher: Publisher,
  messages: readonly QueueMessage[],
): Promise<readonly QueueMessage[]> {
  const { unsent } = await publisher.publish(messages.length, (index) => ({
    subject: messages[index]?.receipt ?? '',
    body: accepted,
  }));
  const doubtful = new Set(unsent.map(({ index }) => index));
  return doubtful.size === 0 ? messages : messages.filter((_, index) => !doubtful.has(index));
}
