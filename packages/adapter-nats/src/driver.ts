import { randomUUID } from 'node:crypto';
import { millis, nanos, type NatsConnection } from '@nats-io/transport-node';
import { type ConsumerInfo, DeliverPolicy, JetStreamApiError } from '@nats-io/jetstream';
import {
  abandonable,
  type Admin,
  type Capabilities,
  type ConnectOptions,
  type Declaration,
  type Driver,
  type Link,
  type Mismatch,
  type Outgoing,
  type Receiver,
  type ReceiveOptions,
  type Sent,
  type Source,
  type Target,
  WaybillError,
} from '@waybill/core/driver';
import { adminOf } from './admin.ts';
import { consumerOf } from './blueprint.ts';
import { capabilities, capabilitiesOf, versionNumber } from './capabilities.ts';
import { type Connection, openConnection } from './connection.ts';
import { Consumption } from './consumption.ts';
import { classify } from './errors.ts';
import { InboxReceiver } from './inbox-receiver.ts';
import { Leftovers } from './leftovers.ts';
import { type Address, addressOf, missing, subscriptionName } from './names.ts';
import { type NatsOptions, settingsOf } from './options.ts';
import { OrderedReceiver } from './ordered-receiver.ts';
import { Publisher } from './publisher.ts';
import { QueueReceiver } from './receiver.ts';
import { QueueMessage } from './records.ts';
import { recallSendIds } from './send-ids.ts';
import { Sender } from './sender.ts';
import { StreamReceiver } from './stream-receiver.ts';
import { choiceOf, type Choice } from './subjects.ts';
import { declareAll, existing } from './topology.ts';

export type NatsDriver = Driver<typeof capabilities, NatsConnection> & { readonly name: 'nats' };

/**
 * Waybill on NATS 2.9 or newer with JetStream. Connects to nothing yet; throws `invalid` for a URL or an option that can
 * never work.
 */
export function nats(options: string | NatsOptions = {}): NatsDriver {
  const settings = settingsOf(options);
  const leftovers = new Leftovers();
  let turn = 0;
  return {
    spec: 1,
    name: 'nats',
    capabilities,
    classify,
    async connect({ signal }: ConnectOptions): Promise<Link<NatsConnection>> {
      const { hosts } = settings;
      // Another one first each time, so that a server that takes connections and is of no use does not hold us.
      const at = turn++ % hosts.length;
      const connection = await openConnection(settings, [...hosts.slice(at), ...hosts.slice(0, at)], signal);
      try {
        return new NatsLink(connection, capabilitiesOf(connection.version, connection.maxPayload), leftovers);
      } catch (error) {
        await connection.client.close();
        throw error;
      }
    },
  };
}

class NatsLink implements Link<NatsConnection> {
  readonly native: NatsConnection;
  readonly capabilities: Capabilities;
  readonly closed: Promise<unknown>;
  readonly admin: Admin;
  readonly #connection: Connection;
  readonly #publisher: Publisher;
  readonly #sender: Sender;
  readonly #leftovers: Leftovers;
  #isClosing = false;

  constructor(connection: Connection, here: Capabilities, leftovers: Leftovers) {
    this.native = connection.client;
    this.capabilities = here;
    this.#connection = connection;
    this.#publisher = new Publisher(connection);
    const { maxBytes } = here.queue === 'none' ? { maxBytes: 0 } : here.queue.limits;
    this.#sender = new Sender(connection, this.#publisher, maxBytes);
    this.#leftovers = leftovers;
    leftovers.giveBack(connection);
    this.admin = adminOf(connection);
    this.closed = connection.closed.then((cause) => (this.#isClosing ? undefined : cause));
    void this.closed.then(() => connection.client.close());
  }

  send(target: Target, batch: readonly Outgoing[]): Promise<Sent> {
    return this.#sender.send(target, batch);
  }

  receive(source: Source, asked: ReceiveOptions): Promise<Receiver> {
    const options = { ...asked, leaseMs: Math.min(asked.leaseMs, this.#connection.settings.maxLeaseMs) };
    return abandonable(this.#receive(source, options), options.signal, (receiver) => void receiver.close());
  }

  async #receive(source: Source, options: ReceiveOptions): Promise<Receiver> {
    switch (source.kind) {
      case 'reply': {
        const inbox = new InboxReceiver(this.#connection);
        await inbox.open();
        return inbox;
      }
      case 'stream': {
        if (source.group !== undefined)
          throw new WaybillError(
            'unsupported',
            `NATS keeps no positions for groups of readers; read "${source.name}" without a group`,
          );
        const address = addressOf(source);
        const reader = new StreamReceiver(this.#connection, address);
        await named(address, reader.open(source.from));
        return reader;
      }
      case 'topic':
        return this.#subscribed(source, options);
      case 'queue': {
        const address = addressOf(source);
        return named(
          address,
          source.order === 'none' ? this.#queue(address, options) : this.#ordered(address, options),
        );
      }
    }
  }

  async #ordered(address: Address, options: ReceiveOptions): Promise<Receiver> {
    const receiver = new OrderedReceiver(this.#connection, this.#publisher, address, options, this.#leftovers);
    await receiver.open();
    return receiver;
  }

  async #queue(address: Address, options: ReceiveOptions): Promise<Receiver> {
    const { manager } = this.#connection;
    const found = await existing(() => manager.consumers.info(address.stream, sharedName));
    const info =
      found ??
      (await manager.consumers.add(address.stream, {
        durable_name: sharedName,
        ...consumerOf(options.leaseMs, [address.subject]),
      }));
    await recallSendIds(this.#connection, address);
    return this.#shared(address, await this.#leased(info, options), options, {});
  }

  async #subscribed(source: Extract<Source, { kind: 'topic' }>, options: ReceiveOptions): Promise<Receiver> {
    const { manager, version, isForgetful } = this.#connection;
    const address = addressOf(source);
    const choice = choiceOf(address.subject, source.filter?.pattern, versionNumber(version) >= 2010);
    if (source.subscription !== undefined) {
      const name = subscriptionName(source.subscription);
      const info = await named(address, manager.consumers.info(address.stream, name), source.subscription);
      await recallSendIds(this.#connection, address);
      return this.#shared(address, await this.#leased(info, options), options, choice);
    }
    const config = {
      name: `waybill-${randomUUID()}`,
      ...consumerOf(options.leaseMs, choice.subjects),
      deliver_policy: DeliverPolicy.New,
      inactive_threshold: nanos(isForgetful ? longLifeMs : Math.max(options.leaseMs, shortestLifeMs)),
    };
    const info = await named(address, manager.consumers.add(address.stream, config));
    const leave = (): Promise<unknown> => manager.consumers.delete(address.stream, info.name);
    return this.#shared(address, info, options, choice, leave);
  }

  /** A consumer that is in use keeps the lease it was made with; one that nobody waits at takes the one asked for. */
  async #leased(info: ConsumerInfo, { leaseMs }: ReceiveOptions): Promise<ConsumerInfo> {
    const { config, num_waiting: waiting, num_ack_pending: pending, stream_name: stream, name } = info;
    if (millis(config.ack_wait ?? 0) === leaseMs || waiting > 0 || pending > 0) return info;
    return this.#connection.manager.consumers.update(stream, name, { ack_wait: nanos(leaseMs) });
  }

  #shared(
    address: Address,
    info: ConsumerInfo,
    { delivery }: ReceiveOptions,
    { matches }: Partial<Choice>,
    leave?: () => Promise<unknown>,
  ): Receiver {
    const connection = this.#connection;
    const what = `the ${address.kind} "${address.name}"`;
    const consumption = new Consumption(connection, { stream: address.stream, consumer: info.name, what }, (native) => {
      const message = new QueueMessage(native, address.subject);
      if (matches === undefined || matches(message.routingKey ?? '')) return message;
      native.respond('+ACK');
      return undefined;
    });
    const leaseMs = millis(info.config.ack_wait ?? 0);
    const leftovers = this.#leftovers;
    return new QueueReceiver(connection, this.#publisher, consumption, { leaseMs, delivery, leave, leftovers });
  }

  ping(signal: AbortSignal): Promise<void> {
    return abandonable(this.native.flush(), signal);
  }

  declare(declarations: readonly Declaration[], mode: 'create' | 'verify'): Promise<readonly Mismatch[]> {
    return declareAll(this.#connection, declarations, mode);
  }

  /** The client would drop what it has not yet written. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const goodbye = AbortSignal.timeout(goodbyeMs);
    if (!this.native.isClosed()) await abandonable(this.native.flush(), goodbye).catch(() => undefined);
    await this.native.close();
  }
}

/** JetStream's errors name neither stream nor consumer. */
async function named<T>(address: Address, work: Promise<T>, subscription?: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (WaybillError.is(error) || classify(error) !== 'not-found') throw error;
    if (!(error instanceof JetStreamApiError) || error.code !== noConsumer) throw missing(address);
    const text = `The topic "${address.name}" has no subscription "${subscription}" on NATS (stream "${address.stream}")`;
    throw new WaybillError('not-found', text, { cause: error });
  }
}
const noConsumer = 10_014;

/** The one durable consumer of a queue. */
const sharedName = 'waybill';
/** Of a subscription without a name: longer than any pause of a process that still lives. */
const shortestLifeMs = 30_000;
/** Where a consumer cannot be kept alive by asking. */
const longLifeMs = 3_600_000;
const goodbyeMs = 2_000;
