import type { Redis } from 'ioredis';
import { WaybillError } from '@waybill/core/driver';
import { type Connection, openConnection } from './connection.ts';
import type { Host, Settings } from './options.ts';
import { type Server, serverOf } from './server.ts';
import { slotOf } from './slots.ts';

/** `Link.native`. */
export interface RedisNative {
  /** The connection that commands go by; in a cluster the one to the node that was asked first. */
  readonly client: Redis;
  /** What the server says about itself, and what confirmed messages survive on it. */
  readonly server: Server;
}

/** Slots up to this one are that node's. */
interface Range {
  readonly upTo: number;
  readonly from: number;
  readonly host: Host;
}

/** The connections that commands go by: one, or in a cluster one to each node that is used. */
export class Nodes {
  readonly first: Connection;
  readonly server: Server;
  readonly closed: Promise<unknown>;
  readonly #settings: Settings;
  readonly #ranges: readonly Range[];
  readonly #life = new AbortController();
  readonly #open = new Map<string, Promise<Connection>>();
  #end!: (cause: unknown) => void;

  constructor(first: Connection, server: Server, settings: Settings, ranges: readonly Range[]) {
    this.first = first;
    this.server = server;
    this.#settings = settings;
    this.#ranges = ranges;
    this.closed = new Promise((resolve) => (this.#end = resolve));
    this.#watch(first);
  }

  /** Which commands about a key go by. Rejects when its node cannot be reached. */
  for(key: string): Connection | Promise<Connection> {
    if (this.#ranges.length === 0) return this.first;
    const host = this.hostOf(key);
    const where = `${host.hostname}:${host.port}`;
    const known = this.#open.get(where);
    if (known !== undefined) return known;
    const opening = openConnection(this.#settings, host, 'commands', this.#life.signal);
    this.#open.set(where, opening);
    opening.then(
      (connection) => this.#watch(connection),
      () => this.#open.delete(where),
    );
    return opening;
  }

  hostOf(key: string): Host {
    if (this.#ranges.length === 0) return this.first.host;
    const slot = slotOf(key);
    const range = this.#ranges.find(({ from, upTo }) => from <= slot && slot <= upTo);
    if (range === undefined)
      throw new WaybillError('unavailable', `No node of the Redis cluster has slot ${slot}, where "${key}" belongs`);
    return range.host;
  }

  close(): Promise<void> {
    return this.#stop(undefined);
  }

  #watch(connection: Connection): void {
    void connection.closed.then((cause) => this.#stop(cause));
  }

  /** One connection lost is the link lost; the others are told after everybody knows. */
  async #stop(cause: unknown): Promise<void> {
    this.#end(cause);
    this.#life.abort();
    const others = await Promise.allSettled(this.#open.values());
    const open = others.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    await Promise.all([this.first, ...open].map((connection) => connection.close()));
  }
}

/** Begins with host `first` and asks each once. A refusal is not asked elsewhere. */
export async function openNodes(
  settings: Settings,
  first: number,
  signal: AbortSignal,
): Promise<{ readonly nodes: Nodes; readonly host: number }> {
  const { hosts } = settings;
  for (let tries = 0; ; tries++) {
    const at = (first + tries) % hosts.length;
    try {
      return { nodes: await openAt(settings, hosts[at] ?? hosts[0], signal), host: at };
    } catch (error) {
      const isLast = tries === hosts.length - 1;
      if (isLast || signal.aborted || !WaybillError.is(error) || !error.retryable) throw error;
    }
  }
}

async function openAt(settings: Settings, host: Host, signal: AbortSignal): Promise<Nodes> {
  const connection = await openConnection(settings, host, 'commands', signal);
  try {
    const server = await ask(connection, settings);
    return new Nodes(connection, server, settings, server.isCluster ? await rangesOf(connection) : []);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function ask(connection: Connection, { durability }: Settings): Promise<Server> {
  const info = String(await connection.call('INFO'));
  // Managed servers keep CONFIG to themselves.
  const [, appendfsync] = (await connection.call('CONFIG', 'GET', 'appendfsync').catch(() => [])) as Buffer[];
  const rights = (await connection.call('ACL', 'GETUSER', 'default').catch(() => [])) as Buffer[][];
  return serverOf({ info, appendfsync: appendfsync?.toString(), defaultUser: String(rights.flat()) }, durability);
}

type RawRange = readonly [from: number, upTo: number, primary: readonly [hostname: Buffer | null, port: number]];

async function rangesOf(connection: Connection): Promise<readonly Range[]> {
  const raw = (await connection.call('CLUSTER', 'SLOTS')) as readonly RawRange[];
  if (raw.length === 0) throw new WaybillError('unavailable', 'The Redis cluster has not given out its slots yet');
  return raw.map(([from, upTo, [hostname, port]]) => ({
    from,
    upTo,
    // A node that does not know its own name is where we asked.
    host: { hostname: hostname?.toString() || connection.host.hostname, port },
  }));
}
