import { realClock, WaybillError } from '@waybill/core/driver';
import { checkCode, connectError, KafkaError } from '../errors.ts';
import type { AnswerTo, BrokerConnection, Library, RequestName, Requests } from '../library.ts';
import type { Host, Settings } from '../options.ts';

/** Where the partitions of a topic are led. */
export interface Layout {
  readonly leaders: readonly number[];
  /** Epoch milliseconds. */
  readonly readAt: number;
}
/** What has a coordinator. */
type Coordinated = 'group' | 'transaction';

/** How long to go by what is known of a topic: partitions that are added are found after so long. */
const layoutMs = 30_000;
const unknownTopic = 3;
const brokerResource = 4;
const defaultBatchMaxBytes = 1_048_588;

/** The brokers, a connection to each that is needed, and who leads what. Ends when no broker can be reached any more. */
export class Cluster {
  readonly settings: Settings;
  readonly closed: Promise<unknown>;
  batchMaxBytes = defaultBatchMaxBytes;
  readonly #library: Library;
  readonly #brokers = new Map<number, Host>();
  readonly #connections = new Map<number, Promise<BrokerConnection>>();
  readonly #open = new Set<BrokerConnection>();
  readonly #layouts = new Map<string, Layout>();
  readonly #coordinators = new Map<string, number>();
  #isProving = false;
  #isEnded = false;
  #resolve: (cause: unknown) => void = () => undefined;

  private constructor(library: Library, settings: Settings) {
    this.#library = library;
    this.settings = settings;
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Asks the hosts in turn. A refusal is not asked elsewhere. */
  static async open(library: Library, settings: Settings): Promise<Cluster> {
    let last: unknown;
    for (const host of settings.hosts) {
      const cluster = new Cluster(library, settings);
      try {
        await cluster.#begin(host);
        return cluster;
      } catch (error) {
        cluster.end(undefined);
        last = WaybillError.is(error) ? error : connectError(error, `${host.hostname}:${host.port}`);
        if (WaybillError.is(last) && !last.retryable) throw last;
      }
    }
    throw last;
  }

  /** Those that are open, as the library has them. */
  get native(): readonly unknown[] {
    return [...this.#open].map((one) => one.native);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  async #begin(host: Host): Promise<void> {
    const first = this.#watched(await this.#library.open(this.settings, host));
    checkVersions(this.#library, await first.ask('apiVersions', 'waybill', '0'));
    this.#learn(await first.ask('metadata', [], false, false));
    const [node] = [...this.#brokers].find(([, one]) => one.hostname === host.hostname && one.port === host.port) ?? [];
    if (node === undefined) first.close();
    else void this.#keep(node, Promise.resolve(first));
    await this.#readLimit();
  }

  /** Who may not read the brokers' settings gets Kafka's own default. */
  async #readLimit(): Promise<void> {
    const node = this.#anyNode();
    const resource = { resourceType: brokerResource, resourceName: String(node) } as const;
    const asked = { ...resource, configurationKeys: ['message.max.bytes'] };
    const { results } = await this.ask(node, 'describeConfigs', [asked], false, false);
    const value = Number(results[0]?.configs[0]?.value);
    if (value > 0) this.batchMaxBytes = value;
  }

  /** The shared connection to a broker. */
  connection(node: number): Promise<BrokerConnection> {
    return this.#connections.get(node) ?? this.#keep(node, this.open(node));
  }
  /** Until it is closed, the first one too: who asked a broker that is gone asks another connection when it is back. */
  #keep(node: number, opening: Promise<BrokerConnection>): Promise<BrokerConnection> {
    this.#connections.set(node, opening);
    const forget = (): void => {
      if (this.#connections.get(node) === opening) this.#connections.delete(node);
    };
    opening.then((connection) => connection.closed.then(forget), forget);
    return opening;
  }

  /** One of its own, for requests that wait. */
  async open(node: number, patienceMs?: number): Promise<BrokerConnection> {
    const host = this.#brokers.get(node);
    if (host === undefined || this.#isEnded)
      throw new WaybillError('unavailable', `Kafka broker ${node} is not there now`);
    try {
      return this.#watched(await this.#library.open(this.settings, host, patienceMs));
    } catch (error) {
      this.#missed(error);
      throw error;
    }
  }

  async ask<Name extends RequestName>(
    node: number,
    name: Name,
    ...args: Parameters<Requests[Name]>
  ): Promise<AnswerTo<Name>> {
    return (await this.connection(node)).ask(name, ...args);
  }

  /** Whichever broker answers first. */
  async askAny<Name extends RequestName>(name: Name, ...args: Parameters<Requests[Name]>): Promise<AnswerTo<Name>> {
    let last: unknown = new WaybillError('unavailable', 'no Kafka broker is known');
    const connected = [...this.#brokers.keys()].sort((one) => (this.#connections.has(one) ? -1 : 1));
    for (const node of connected) {
      try {
        return await this.ask(node, name, ...args);
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  /**
   * Rejects with UNKNOWN_TOPIC_OR_PARTITION. What has become old is told once more and read anew behind it: no send waits
   * for that, and none is overtaken by the next.
   */
  async layout(topic: string, fresh = false): Promise<Layout> {
    const known = fresh ? undefined : this.#layouts.get(topic);
    if (known === undefined) return this.#read(topic);
    if (Date.now() - known.readAt < layoutMs) return known;
    this.#layouts.set(topic, { ...known, readAt: Date.now() });
    this.#read(topic).catch(() => this.forget(topic));
    return known;
  }
  async #read(topic: string): Promise<Layout> {
    const metadata = await this.askAny('metadata', [topic], false, false);
    this.#learn(metadata);
    this.#layouts.delete(topic);
    const found = metadata.topics[0];
    checkCode(found?.errorCode ?? unknownTopic, `a question about the topic "${topic}"`);
    const leaders: number[] = [];
    for (const { partitionIndex, leaderId } of found?.partitions ?? []) leaders[partitionIndex] = leaderId;
    const layout = { leaders, readAt: Date.now() };
    if (leaders.every((leader) => leader >= 0)) this.#layouts.set(topic, layout);
    return layout;
  }
  /** It moved, or is gone. */
  forget(topic: string): void {
    this.#layouts.delete(topic);
  }

  async leaderOf(topic: string, partition: number): Promise<number> {
    const leader = (await this.layout(topic)).leaders[partition];
    if (leader === undefined)
      throw new KafkaError(unknownTopic, `a question about partition ${partition} of "${topic}"`);
    if (leader < 0) throw new WaybillError('unavailable', `partition ${partition} of "${topic}" has no leader now`);
    return leader;
  }
  /** Partitions by their leader. */
  async leadersOf(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, readonly number[]>> {
    const found = new Map<number, number[]>();
    for (const partition of partitions) {
      const leader = await this.leaderOf(topic, partition);
      found.set(leader, [...(found.get(leader) ?? []), partition]);
    }
    return found;
  }

  /** From memory, until it is told to be wrong: the broker alone knows when it moves. */
  async coordinatorOf(id: string, kind: Coordinated = 'group'): Promise<number> {
    const known = this.#coordinators.get(`${kind} ${id}`);
    if (known !== undefined) return known;
    const { coordinators } = await this.askAny('findCoordinator', kind === 'group' ? 0 : 1, [id]);
    const found = coordinators[0];
    checkCode(found?.errorCode ?? 15, `the search for the coordinator of the ${kind} "${id}"`, found?.errorMessage);
    const node = found?.nodeId ?? -1;
    if (!this.#brokers.has(node) && found !== undefined)
      this.#brokers.set(node, { hostname: found.host, port: found.port });
    this.#coordinators.set(`${kind} ${id}`, node);
    return node;
  }
  forgetCoordinator(id: string, kind: Coordinated = 'group'): void {
    this.#coordinators.delete(`${kind} ${id}`);
  }

  async ping(): Promise<void> {
    this.#learn(await this.askAny('metadata', [], false, false));
  }

  /** Tells first, then tidies up. */
  end(cause: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#resolve(cause);
    for (const connection of this.#open) connection.close();
  }

  #anyNode(): number {
    const [node] = this.#connections.keys();
    return node ?? this.#brokers.keys().next().value ?? -1;
  }

  /** A broker that its controller takes for lost, as after a standstill, knows of none, also not of itself. */
  #learn({ brokers }: AnswerTo<'metadata'>): void {
    if (brokers.length === 0) return;
    this.#brokers.clear();
    for (const { nodeId, host, port } of brokers) this.#brokers.set(nodeId, { hostname: host, port });
  }

  #watched(connection: BrokerConnection): BrokerConnection {
    this.#open.add(connection);
    void connection.closed.then((cause) => {
      this.#open.delete(connection);
      if (cause !== undefined) this.#missed(cause);
    });
    return connection;
  }

  /** One broker less. Of several the others are asked first; a cluster of one is gone with it. */
  #missed(cause: unknown): void {
    this.#layouts.clear();
    this.#coordinators.clear();
    if (this.#isEnded) return;
    if (this.#brokers.size < 2) return this.end(cause);
    if (this.#isProving) return;
    this.#isProving = true;
    void this.#prove(cause).finally(() => (this.#isProving = false));
  }
  /** The rest may take as long as any answer: while it finds a new controller, on a busy machine, that is seconds. */
  async #prove(cause: unknown): Promise<void> {
    const timer = realClock.after(this.settings.requestTimeoutMs, () => this.end(cause));
    await this.ping().catch(() => this.end(cause));
    timer.cancel();
  }
}

/** A broker that lacks a request of ours is told by name, at once. */
function checkVersions({ needed }: Library, { apiKeys }: AnswerTo<'apiVersions'>): void {
  const missing = needed.filter(
    ({ key, version }) =>
      !apiKeys.some((one) => one.apiKey === key && one.minVersion <= version && version <= one.maxVersion),
  );
  if (missing.length === 0) return;
  const list = missing.map(({ key, version }) => `API ${key} version ${version}`).join(', ');
  throw new WaybillError('unsupported', `This Kafka lacks ${list}; 3.0 or newer is needed`);
}
