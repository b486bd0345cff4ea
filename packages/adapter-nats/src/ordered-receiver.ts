import { JetStreamApiError } from '@nats-io/jetstream';
import { nanos, type Subscription } from '@nats-io/transport-node';
import {
  type Lane,
  type LaneOwner,
  type LeaseReceiver,
  type Receipted,
  type ReceiveOptions,
  realClock,
  type Settlement,
  type Timer,
  type Unsettled,
  WaybillError,
} from '@waybill/core/driver';
import { consumerOf } from './blueprint.ts';
import type { Connection } from './connection.ts';
import { Consumption } from './consumption.ts';
import type { Leftovers } from './leftovers.ts';
import type { Address } from './names.ts';
import { claim, evictAbsent } from './ownership.ts';
import type { Publisher } from './publisher.ts';
import { QueueMessage } from './records.ts';
import { forgotten } from './receiver.ts';
import { recallSendIds } from './send-ids.ts';
import { extendAll, lost, settleAll } from './settling.ts';

/** A work-queue stream has one consumer for a subject: the server refuses the second. */
const taken = [10_099, 10_100];
/** Looked for again so often, beside the server's word that the consumer is gone, which may get lost. */
const lookAgainMs = 1000;

/**
 * A queue in order. Whoever makes the only consumer of its stream owns it, with all that is unsettled, in order from the
 * oldest on; giving back is to remove the consumer, and a crash leaves it to the server, which removes what nobody asks
 * for a lease. So nothing comes again behind what is newer, and an acknowledgement to a former consumer reaches nobody.
 */
export class OrderedReceiver implements LeaseReceiver<string>, Lane<Receipted<string>> {
  readonly style = 'lease';
  readonly id = '';
  readonly native: Connection['client'];
  readonly closed: Promise<unknown>;
  readonly leaseMs: number;
  readonly #connection: Connection;
  readonly #publisher: Publisher;
  readonly #address: Address;
  readonly #delivery: ReceiveOptions['delivery'];
  readonly #leftovers: Leftovers;
  readonly #forget: () => void;
  #consumption: Consumption<QueueMessage> | undefined;
  #consumer = '';
  #sign: Subscription | undefined;
  /** The latest that was settled. */
  #settled: string | undefined;
  #owner: LaneOwner<Receipted<string>> | undefined;
  #looking: Promise<void> | undefined;
  #again: Timer | undefined;
  #removals: Subscription | undefined;
  #isEnded = false;
  #resolve: (cause: unknown) => void = () => undefined;

  constructor(
    connection: Connection,
    publisher: Publisher,
    address: Address,
    { leaseMs, delivery }: Pick<ReceiveOptions, 'leaseMs' | 'delivery'>,
    leftovers: Leftovers,
  ) {
    this.native = connection.client;
    this.leaseMs = leaseMs;
    this.#connection = connection;
    this.#publisher = publisher;
    this.#address = address;
    this.#delivery = delivery;
    this.#leftovers = leftovers;
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
    this.#forget = connection.whenClosed((cause) => this.#end(cause));
  }

  /** Rejects when the queue is not there; to wait for it behind another owner is no error. */
  async open(): Promise<void> {
    const { stream } = this.#address;
    for (const consumer of this.#leftovers.takeConsumers(stream))
      await this.#connection.manager.consumers.delete(stream, consumer).catch(() => undefined);
    if (await this.#own()) return;
    const { client } = this.#connection;
    this.#removals = client.subscribe(`$JS.EVENT.ADVISORY.CONSUMER.DELETED.${stream}.>`, {
      // Without the right to hear it, looking again now and then is enough.
      callback: (error) => {
        if (error === null) this.#look();
      },
    });
    this.#lookLater();
  }

  start(owner: LaneOwner<Receipted<string>>): void {
    this.#owner = owner;
    if (this.#consumption !== undefined) owner.granted([this]);
  }

  async pull(limit: number, signal: AbortSignal): Promise<readonly Receipted<string>[]> {
    const messages = (await this.#consumption?.pull(limit, signal)) ?? [];
    return this.#delivery === 'at-most-once' ? forgotten(this.#publisher, messages) : messages;
  }

  /** What is released stays with this consumer until it goes, and then comes again in its place. */
  async settle(batch: readonly Settlement<string>[]): Promise<readonly Unsettled[]> {
    if (this.#isEnded) return lost(batch);
    this.#settled = batch.at(-1)?.receipt ?? this.#settled;
    return settleAll(
      this.#connection,
      batch.filter(({ outcome }) => outcome !== 'release'),
    );
  }

  async extend(receipts: readonly string[]): Promise<readonly Unsettled[]> {
    if (this.#isEnded) return lost(receipts);
    this.#consumption?.keepAlive();
    return extendAll(this.#connection, receipts);
  }

  async close(): Promise<void> {
    if (this.#isEnded) return;
    await this.#consumption?.cancel().catch(() => undefined);
    await this.#looking;
    await this.#acknowledged().catch(() => undefined);
    await this.#remove();
    this.#end(undefined);
  }

  /** An acknowledgement that is dealt with after the consumer is gone reaches nobody. They are taken in turn, and this one is answered. */
  async #acknowledged(): Promise<void> {
    const { client, settings } = this.#connection;
    if (this.#settled !== undefined) await client.request(this.#settled, '+WPI', { timeout: settings.answerTimeoutMs });
  }

  /** The consumer of an owner who is gone is removed, and then it is the turn of whoever is first. */
  async #own(): Promise<boolean> {
    const { manager } = this.#connection;
    const { stream } = this.#address;
    const { config } = await manager.streams.info(stream);
    if (await this.#claim(config.num_replicas)) return true;
    await evictAbsent(this.#connection, stream);
    return this.#claim(config.num_replicas);
  }

  async #claim(replicas: number): Promise<boolean> {
    const { manager } = this.#connection;
    const { stream, subject } = this.#address;
    const { consumer: name, sign } = await claim(this.#connection);
    try {
      await manager.consumers.add(stream, {
        // Longer than the consumer lives unasked: before a message comes again out of its order, all of them do.
        ...consumerOf(1.25 * this.leaseMs, [subject]),
        name,
        inactive_threshold: nanos(this.leaseMs),
        num_replicas: replicas,
      });
    } catch (error) {
      sign.unsubscribe();
      if (error instanceof JetStreamApiError && taken.includes(error.code)) return false;
      throw error;
    }
    this.#consumer = name;
    this.#sign = sign;
    await recallSendIds(this.#connection, this.#address);
    if (this.#isEnded) await this.#remove();
    else this.#consume();
    return true;
  }

  #consume(): void {
    const { stream, name, subject } = this.#address;
    const what = `the queue "${name}"`;
    this.#consumption = new Consumption(this.#connection, { stream, consumer: this.#consumer, what }, (message) => {
      const taken = new QueueMessage(message, subject);
      // Held so long that the server took it back: it comes behind what is newer, so everything begins anew.
      if (taken.redelivered)
        this.#end(new WaybillError('lease-lost', `A message of ${what} was held beyond its lease`));
      return taken;
    });
    void this.#consumption.closed.then((cause) => this.#end(cause));
  }

  #lookLater(): void {
    this.#again = realClock.after(lookAgainMs, () => this.#look());
  }

  #look(): void {
    if (this.#looking !== undefined || this.#isEnded || this.#consumption !== undefined) return;
    this.#again?.cancel();
    this.#looking = this.#own()
      .then((isOurs) => {
        if (!isOurs) return this.#lookLater();
        this.#removals?.unsubscribe();
        this.#owner?.granted([this]);
      })
      .catch((error: unknown) => this.#end(error))
      .finally(() => (this.#looking = undefined));
  }

  async #remove(): Promise<void> {
    if (this.#consumer === '') return;
    const { stream } = this.#address;
    await this.#connection.manager.consumers.delete(stream, this.#consumer).catch(() => undefined);
  }

  #end(cause: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#forget();
    this.#again?.cancel();
    if (cause !== undefined && this.#consumer !== '') this.#leftovers.addConsumer(this.#address.stream, this.#consumer);
    this.#resolve(cause);
    this.#consumption?.end(cause);
    if (this.#connection.client.isClosed()) return;
    this.#removals?.unsubscribe();
    this.#sign?.unsubscribe();
  }
}
