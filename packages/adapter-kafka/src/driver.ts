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
import { capabilities, capabilitiesOf, maxBytesOf, sharedCapabilities } from './capabilities.ts';
import { classify } from './errors.ts';
import { openClient } from './client.ts';
import { groupOf, shareGroupOf, topicOf } from './names.ts';
import { type KafkaOptions, type Settings, settingsOf } from './options.ts';
import { beginnings, placeGroup } from './placing.ts';
import { LogReceiver } from './receiver.ts';
import { Routing } from './routing.ts';
import { Sender } from './sender.ts';
import { declareGroups, hasBegunAll, isShared, termsOf } from './share/groups.ts';
import { ShareReceiver } from './share/receiver.ts';
import type { Append } from './share/sparing.ts';
import { declareAll } from './topology.ts';
import type { KafkaConnections, Wire } from './wire.ts';
import type { WireShares } from './share/wire.ts';

export type KafkaDriver = Driver<typeof capabilities, KafkaConnections> & { readonly name: 'kafka' };

export type KafkaShareDriver = Driver<typeof sharedCapabilities, KafkaConnections> & { readonly name: 'kafka' };

/** Waybill on Kafka 3.0 or newer. Connects to nothing yet; throws `invalid` for a URL or an option that can never work. */
export function kafka(options: KafkaOptions & { readonly queues: 'share-groups' }): KafkaShareDriver;
export function kafka(options?: string | KafkaOptions): KafkaDriver;
export function kafka(
  options: string | KafkaOptions = {},
): Driver<typeof capabilities | typeof sharedCapabilities, KafkaConnections> & { readonly name: 'kafka' } {
  const settings = settingsOf(options);
  return {
    spec: 1,
    name: 'kafka',
    capabilities: settings.queues === 'share-groups' ? sharedCapabilities : capabilities,
    classify,
    async connect({ signal }: ConnectOptions): Promise<Link<KafkaConnections>> {
      const opening = openClient(settings);
      const wire = await abandonable(opening, signal, (late) => void late.close());
      if (settings.queues === 'share-groups' && wire.shares === undefined) {
        await wire.close();
        throw withoutShares(settings);
      }
      return new KafkaLink(wire, settings);
    },
  };
}

const withoutShares = ({ client }: Settings): WaybillError =>
  new WaybillError(
    'unsupported',
    client === 'kafkajs'
      ? "The client library kafkajs carries no share groups; leave out client: 'kafkajs' or queues: 'share-groups'"
      : "This Kafka has no share groups: queues: 'share-groups' needs 4.2 or newer with share.version=1 (kafka-features.sh); without that option queues are groups that read partitions",
  );

class KafkaLink implements Link<KafkaConnections> {
  readonly native: KafkaConnections;
  readonly capabilities: Capabilities;
  readonly closed: Promise<unknown>;
  readonly admin: Admin;
  readonly #wire: Wire;
  readonly #settings: Settings;
  readonly #routing: Routing;
  readonly #sender: Sender;
  readonly #shares: WireShares | undefined;
  readonly #receivers = new Set<LogReceiver | ShareReceiver>();

  constructor(wire: Wire, settings: Settings) {
    this.native = wire.native;
    this.#shares = settings.queues === 'share-groups' ? wire.shares : undefined;
    this.capabilities = capabilitiesOf(
      wire.batchMaxBytes,
      wire.openTransactions !== undefined,
      this.#shares !== undefined,
    );
    this.closed = wire.closed;
    this.admin = adminOf(wire, this.#shares);
    this.#wire = wire;
    this.#settings = settings;
    this.#routing = new Routing(maxBytesOf(wire.batchMaxBytes));
    this.#sender = new Sender(wire, this.#routing);
  }

  send(target: Target, batch: readonly Outgoing[]): Promise<Sent> {
    return this.#sender.send(target, batch);
  }

  receive(source: Source, options: ReceiveOptions): Promise<Receiver> {
    return abandonable(this.#receive(source, options), options.signal, (receiver) => void receiver.close());
  }

  /** Where it begins is settled before it resolves: what comes after that is never missed. */
  async #receive(source: Source, { delivery }: ReceiveOptions): Promise<Receiver> {
    const topic = topicOf(source);
    if (this.#shares !== undefined && isShared(source))
      return this.#share(this.#shares, source, delivery === 'at-most-once');
    const group = source.kind === 'reply' ? undefined : groupOf(source);
    const from = source.kind === 'stream' ? source.from : source.kind === 'topic' ? 'latest' : 'earliest';
    await this.#wire.partitionsOf(topic, true);
    if (group !== undefined) await placeGroup(this.#wire, group, topic, from);
    const starts = group === undefined ? await beginnings(this.#wire, topic, from) : new Map<number, bigint>();
    const reading = { topic, group, starts, isForgetful: delivery === 'at-most-once' };
    const receiver = new LogReceiver(this.#wire, reading, this.#routing);
    return this.#opened(receiver);
  }

  async #share(
    shares: WireShares,
    source: Extract<Source, { readonly kind: 'queue' }>,
    isForgetful: boolean,
  ): Promise<Receiver> {
    const [topic, group] = [topicOf(source), shareGroupOf(source)];
    await this.#wire.partitionsOf(topic, true);
    const [terms, hasBegun] = await Promise.all([
      termsOf(shares, group),
      hasBegunAll(this.#wire, shares, topic, group),
    ]);
    const append: Append = (partition, record) => this.#sender.append(topic, partition, record);
    return this.#opened(new ShareReceiver(this.#wire, shares, { topic, group, terms, append, hasBegun, isForgetful }));
  }

  async #opened<R extends LogReceiver | ShareReceiver>(receiver: R): Promise<R> {
    this.#receivers.add(receiver);
    void receiver.closed.then(() => this.#receivers.delete(receiver));
    await receiver.open();
    return receiver;
  }

  ping(signal: AbortSignal): Promise<void> {
    return abandonable(this.#wire.ping(), signal);
  }

  async declare(declarations: readonly Declaration[], mode: 'create' | 'verify'): Promise<readonly Mismatch[]> {
    const found = await declareAll(this.#wire, this.#settings, declarations, mode);
    if (this.#shares === undefined) return found;
    return [...found, ...(await declareGroups(this.#wire, this.#shares, declarations, mode))];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#receivers].map((receiver) => receiver.close()));
    await this.#wire.close();
  }
}
