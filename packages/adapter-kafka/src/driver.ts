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
} from '@waybill/core/driver';
import { adminOf } from './admin.ts';
import { capabilities, capabilitiesOf, maxBytesOf } from './capabilities.ts';
import { classify } from './errors.ts';
import { openClient } from './client.ts';
import { groupOf, topicOf } from './names.ts';
import { type KafkaOptions, type Settings, settingsOf } from './options.ts';
import { beginnings, placeGroup } from './placing.ts';
import { LogReceiver } from './receiver.ts';
import { Routing } from './routing.ts';
import { Sender } from './sender.ts';
import { declareAll } from './topology.ts';
import type { KafkaConnections, Wire } from './wire.ts';

export type KafkaDriver = Driver<typeof capabilities, KafkaConnections> & { readonly name: 'kafka' };

/** Waybill on Kafka 3.0 or newer. Connects to nothing yet; throws `invalid` for a URL or an option that can never work. */
export function kafka(options: string | KafkaOptions = {}): KafkaDriver {
  const settings = settingsOf(options);
  return {
    spec: 1,
    name: 'kafka',
    capabilities,
    classify,
    async connect({ signal }: ConnectOptions): Promise<Link<KafkaConnections>> {
      const opening = openClient(settings);
      return new KafkaLink(await abandonable(opening, signal, (late) => void late.close()), settings);
    },
  };
}

class KafkaLink implements Link<KafkaConnections> {
  readonly native: KafkaConnections;
  readonly capabilities: Capabilities;
  readonly closed: Promise<unknown>;
  readonly admin: Admin;
  readonly #wire: Wire;
  readonly #settings: Settings;
  readonly #routing: Routing;
  readonly #sender: Sender;
  readonly #receivers = new Set<LogReceiver>();

  constructor(wire: Wire, settings: Settings) {
    this.native = wire.native;
    this.capabilities = capabilitiesOf(wire.batchMaxBytes, wire.openTransactions !== undefined);
    this.closed = wire.closed;
    this.admin = adminOf(wire);
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
    const group = source.kind === 'reply' ? undefined : groupOf(source);
    const from = source.kind === 'stream' ? source.from : source.kind === 'topic' ? 'latest' : 'earliest';
    await this.#wire.partitionsOf(topic, true);
    if (group !== undefined) await placeGroup(this.#wire, group, topic, from);
    const starts = group === undefined ? await beginnings(this.#wire, topic, from) : new Map<number, bigint>();
    const reading = { topic, group, starts, isForgetful: delivery === 'at-most-once' };
    const receiver = new LogReceiver(this.#wire, reading, this.#routing);
    this.#receivers.add(receiver);
    void receiver.closed.then(() => this.#receivers.delete(receiver));
    await receiver.open();
    return receiver;
  }

  ping(signal: AbortSignal): Promise<void> {
    return abandonable(this.#wire.ping(), signal);
  }

  declare(declarations: readonly Declaration[], mode: 'create' | 'verify'): Promise<readonly Mismatch[]> {
    return declareAll(this.#wire, this.#settings, declarations, mode);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#receivers].map((receiver) => receiver.close()));
    await this.#wire.close();
  }
}
