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
  type Place,
  type Receiver,
  type ReceiveOptions,
  type Sent,
  type Source,
  type Target,
} from '@waybill/core/driver';
import { adminOf, settledKeys } from './admin.ts';
import { capabilities, capabilitiesOf } from './capabilities.ts';
import { type Connection, openConnection } from './connection.ts';
import { classify } from './errors.ts';
import type { Reading } from './feed.ts';
import { GroupReceiver } from './group-receiver.ts';
import {
  group,
  groupKey,
  type Keys,
  liveField,
  partitionKeys,
  refuseReply,
  subscriptionKeys,
  topicKey,
} from './names.ts';
import { placeOptionsOf } from './native.ts';
import { type Nodes, openNodes, type RedisNative } from './nodes.ts';
import { type RedisOptions, type Settings, settingsOf } from './options.ts';
import { Pressure } from './pressure.ts';
import { join, leaveTopic } from './queue-scripts.ts';
import { Reader } from './reader.ts';
import { openReceiver } from './receiver.ts';
import { Sender } from './sender.ts';
import { placeOf, StreamLane, StreamReceiver } from './stream-receiver.ts';
import { Streams } from './streams.ts';
import { declareAll } from './topology.ts';

export type RedisDriver = Driver<typeof capabilities, RedisNative> & { readonly name: 'redis-streams' };

/** Consumers of this process whose links were lost, by stream: their successors take over what they held. */
type Gone = Map<string, Set<string>>;

/**
 * Waybill on the streams of Redis 7 or newer, or Valkey, alone or as a cluster. Connects to nothing yet; throws
 * `invalid` for a URL or an option that can never work.
 */
export function redisStreams(options: string | RedisOptions = {}): RedisDriver {
  const settings = settingsOf(options);
  const gone: Gone = new Map();
  let host = 0;
  return {
    spec: 1,
    name: 'redis-streams',
    capabilities,
    classify,
    async connect({ signal, onBlocked }: ConnectOptions): Promise<Link<RedisNative>> {
      const opened = await openNodes(settings, host, signal);
      host = opened.host;
      return new RedisLink(opened.nodes, settings, gone, new Pressure(settings.keyPrefix, onBlocked));
    },
  };
}

class RedisLink implements Link<RedisNative> {
  readonly native: RedisNative;
  readonly capabilities: Capabilities;
  readonly closed: Promise<unknown>;
  readonly admin: Admin;
  readonly #nodes: Nodes;
  readonly #settings: Settings;
  readonly #gone: Gone;
  readonly #streams: Streams;
  readonly #sender: Sender;
  readonly #receivers = new Set<Receiver>();

  constructor(nodes: Nodes, settings: Settings, gone: Gone, pressure: Pressure) {
    this.native = { client: nodes.first.client, server: nodes.server };
    this.capabilities = capabilitiesOf({ ...settings, isCluster: nodes.server.isCluster });
    this.closed = nodes.closed;
    this.#nodes = nodes;
    this.#settings = settings;
    this.#gone = gone;
    this.#streams = new Streams(nodes, settings.keyPrefix);
    this.#sender = new Sender(nodes, settings, this.#streams, pressure);
    this.admin = adminOf(nodes, settings.keyPrefix);
  }

  send(target: Target, batch: readonly Outgoing[]): Promise<Sent> {
    return this.#sender.send(target, batch);
  }

  async receive(source: Source, options: ReceiveOptions): Promise<Receiver> {
    const receiver = await abandonable(this.#receive(source, options), options.signal, (late) => void late.close());
    this.#receivers.add(receiver);
    void receiver.closed.then(() => this.#receivers.delete(receiver));
    return receiver;
  }

  async ping(signal: AbortSignal): Promise<void> {
    await abandonable(this.#nodes.first.call('PING'), signal);
  }

  declare(declarations: readonly Declaration[], mode: 'create' | 'verify'): Promise<readonly Mismatch[]> {
    return declareAll(this.#nodes, this.#settings.keyPrefix, declarations, mode);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#receivers].map((receiver) => receiver.close()));
    await this.#nodes.close();
  }

  #receive(source: Source, options: ReceiveOptions): Promise<Receiver> {
    switch (source.kind) {
      case 'queue':
        return this.#consume(settledKeys(this.#settings.keyPrefix, source), source, options);
      case 'topic':
        return source.subscription === undefined
          ? this.#join(source, options)
          : this.#consume(settledKeys(this.#settings.keyPrefix, source), source, options);
      case 'stream':
        return this.#read(source, options);
      case 'reply':
        return refuseReply(source);
    }
  }

  async #consume(
    keys: Keys,
    place: Place,
    options: ReceiveOptions,
    live: Partial<Pick<Reading, 'ttlMs' | 'part'>> = {},
  ): Promise<Receiver> {
    const [commands, reader] = await this.#reader(keys.stream, options.signal);
    const { bodyField } = placeOptionsOf(place);
    const gone = this.#gone.get(keys.stream) ?? new Set();
    // What ends with its receiver has no successor.
    if (live.part === undefined) this.#gone.set(keys.stream, gone);
    const reading = { keys, bodyField, pollMs: this.#pollMs, gone, ttlMs: 0, ...live };
    return openReceiver(reader, commands, reading, place.order !== 'none', options, this.closed);
  }

  /** A subscription that goes with its receiver. */
  async #join(topic: Place, options: ReceiveOptions): Promise<Receiver> {
    const key = topicKey(this.#settings.keyPrefix, topic.name);
    const field = liveField(randomUUID());
    const keys = subscriptionKeys(key, field);
    const commands = await this.#nodes.for(key);
    await commands.run(join, [key, keys.stream], [field, group, liveMs]);
    const part = (): Promise<unknown> => commands.run(leaveTopic, [key, keys.stream], [field]);
    return this.#consume(keys, topic, options, { ttlMs: liveMs, part });
  }

  async #read(source: Source & { readonly kind: 'stream' }, options: ReceiveOptions): Promise<Receiver> {
    const { keys, partitions } = await this.#streams.layoutOf(source);
    const { bodyField } = placeOptionsOf(source);
    const openLane = async (index: number): Promise<StreamLane> => {
      const { stream, side } = partitionKeys(keys, partitions, index);
      const [, reader] = await this.#reader(stream, options.signal);
      const id = partitions === 1 ? '' : String(index);
      return new StreamLane(id, reader, { stream, side, bodyField, pollMs: this.#pollMs });
    };
    if (source.group !== undefined) {
      const key = groupKey(keys, source.group);
      const membership = { key, partitions, from: source.from, sessionMs: this.#settings.groupSessionMs, openLane };
      const member = new GroupReceiver(await this.#nodes.for(key), membership, options, this.closed);
      return opened(member, member.open());
    }
    const lanes = await Promise.all(Array.from({ length: partitions }, (_, index) => openLane(index)));
    const receiver = new StreamReceiver(this.native.client, lanes, this.closed);
    return opened(receiver, Promise.all(lanes.map((lane) => lane.seek(placeOf(source.from, lane.id)))));
  }

  async #reader(stream: string, signal: AbortSignal): Promise<readonly [Connection, Reader]> {
    const commands = await this.#nodes.for(stream);
    const connection = await openConnection(this.#settings, commands.host, 'reads', signal);
    try {
      return [commands, await Reader.of(connection, commands)];
    } catch (error) {
      void connection.close();
      throw error;
    }
  }

  /** A read that waits must end between two beats of its connection's heart. */
  get #pollMs(): number {
    return Math.min(this.#settings.pollMs, this.#settings.heartbeatMs / 2);
  }
}

/** For so long a subscription without a name outlives its receiver when that cannot say goodbye, in milliseconds. */
const liveMs = 60_000;

async function opened(receiver: Receiver, opening: Promise<unknown>): Promise<Receiver> {
  try {
    await opening;
    return receiver;
  } catch (error) {
    void receiver.close();
    throw error;
  }
}
