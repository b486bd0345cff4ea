import { randomUUID } from 'node:crypto';
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
import type { Channel } from 'amqplib';
import { adminOf } from './admin.ts';
import { bindSubscription } from './binding.ts';
import { capabilities, capabilitiesOf } from './capabilities.ts';
import { type Connection, openConnections, type RabbitConnections } from './connection.ts';
import { Consumption } from './consumption.ts';
import { classify } from './errors.ts';
import { checkedName, queueOf } from './names.ts';
import { placeOptionsOf } from './native.ts';
import { type RabbitOptions, settingsOf } from './options.ts';
import { QueueReceiver, type Way } from './receiver.ts';
import { Sender } from './sender.ts';
import { StreamReceiver } from './stream-receiver.ts';
import { declareAll, onChannel } from './topology.ts';

export type RabbitDriver = Driver<typeof capabilities, RabbitConnections> & { readonly name: 'rabbitmq' };

/**
 * Waybill on RabbitMQ 3.10 or newer. Connects to nothing yet; throws `invalid` for a URL or an option that can never work.
 */
export function rabbitmq(options: string | RabbitOptions = {}): RabbitDriver {
  const settings = settingsOf(options);
  let host = 0;
  return {
    spec: 1,
    name: 'rabbitmq',
    capabilities,
    classify,
    async connect({ signal, onBlocked }: ConnectOptions): Promise<Link<RabbitConnections>> {
      const opened = await openConnections(settings, host, signal);
      host = opened.host;
      const { publishing, consuming } = opened;
      publishing.model.on('blocked', (reason) => onBlocked(reason));
      publishing.model.on('unblocked', () => onBlocked(undefined));
      const { product, version } = publishing.model.connection.serverProperties;
      try {
        return new RabbitLink(
          publishing,
          consuming,
          version,
          capabilitiesOf(product, version, settings.maxMessageBytes),
        );
      } catch (error) {
        await Promise.all([publishing.close(), consuming.close()]);
        throw error;
      }
    },
  };
}

class RabbitLink implements Link<RabbitConnections> {
  readonly native: RabbitConnections;
  readonly capabilities: Capabilities;
  readonly closed: Promise<unknown>;
  readonly admin: Admin;
  readonly #publishing: Connection;
  readonly #consuming: Connection;
  readonly #version: string;
  readonly #sender: Sender;
  #isClosing = false;

  constructor(publishing: Connection, consuming: Connection, version: string, here: Capabilities) {
    this.native = { publishing: publishing.model, consuming: consuming.model };
    this.capabilities = here;
    this.#publishing = publishing;
    this.#consuming = consuming;
    this.#version = version;
    this.#sender = new Sender(publishing);
    this.admin = adminOf(this.#openChannel);
    // One half lost is the link lost: the other one is told after everybody knows.
    const lost = Promise.race([publishing.closed, consuming.closed]);
    this.closed = lost.then((cause) => (this.#isClosing ? undefined : cause));
    void this.closed.then(() => this.#hangUp());
  }

  send(target: Target, batch: readonly Outgoing[]): Promise<Sent> {
    return this.#sender.send(target, batch);
  }

  receive(source: Source, options: ReceiveOptions): Promise<Receiver> {
    return abandonable(this.#receive(source, options), options.signal, (receiver) => void receiver.close());
  }

  async #receive(source: Source, options: ReceiveOptions): Promise<Receiver> {
    const consumption = new Consumption(await this.#openChannel());
    try {
      return await receiverFor(consumption, source, options);
    } catch (error) {
      void consumption.hangUp();
      throw error;
    }
  }

  async ping(signal: AbortSignal): Promise<void> {
    // Not on the publishing connection: during an alarm the server does not read it.
    await abandonable(
      onChannel(this.#openChannel, () => Promise.resolve()),
      signal,
    );
  }

  declare(declarations: readonly Declaration[], mode: 'create' | 'verify'): Promise<readonly Mismatch[]> {
    return declareAll(this.#openChannel, this.#version, declarations, mode);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#hangUp();
  }

  async #hangUp(): Promise<void> {
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
  }

  readonly #openChannel = (): Promise<Channel> => this.#consuming.model.createChannel();
}

async function receiverFor(consumption: Consumption, source: Source, options: ReceiveOptions): Promise<Receiver> {
  if (source.kind === 'stream') {
    if (source.group !== undefined)
      throw new WaybillError(
        'unsupported',
        `RabbitMQ keeps no positions for groups of readers; read "${source.name}" without a group`,
      );
    const reader = new StreamReceiver(consumption, queueOf(source));
    await reader.open(source.from, options);
    return reader;
  }
  const { queue, ...way } = await openQueue(consumption.channel, source);
  const receiver = new QueueReceiver(consumption, options, way);
  await receiver.open(queue);
  return receiver;
}

/** The queue to consume from: a lasting one, or one that goes with its only consumer. */
async function openQueue(
  channel: Channel,
  source: Exclude<Source, { kind: 'stream' }>,
): Promise<Way & { readonly queue: string }> {
  if (source.kind === 'queue' || (source.kind === 'topic' && source.subscription !== undefined))
    return { queue: queueOf(source), isOrdered: source.order !== 'none' };
  const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true, durable: false });
  if (source.kind === 'reply') return { queue, address: queue };
  const topic = checkedName('topic', source.name);
  const exchange = placeOptionsOf(source).exchange ?? 'topic';
  const binding = { queue, topic, exchange, filter: source.filter, between: `${topic}/${randomUUID()}` };
  return { queue, unbind: await bindSubscription(channel, binding, true) };
}
