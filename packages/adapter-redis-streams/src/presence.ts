import type { Connection } from './connection.ts';

/** `<uuid>/<client id>/<lease>`: which connection reads for a consumer, and how long its lease is. */
const consumerName = /^([0-9a-f-]{36})\/([1-9]\d*)\/\d+$/;

/** Of so many consumers at most a hundred are looked at in a second. */
const perConsumerMs = 10;
const leastMs = 1_000;

/**
 * Consumers of a group whose connections have ended. What they held need not wait for the end of its lease: a receiver
 * without its connection settles nothing any more. Consumers of others, and any where CLIENT LIST is not allowed, are
 * judged by the lease alone.
 */
export class Presence {
  readonly #connection: Connection;
  readonly #stream: string;
  readonly #group: string;
  #lookAt = 0;

  constructor(connection: Connection, stream: string, group: string) {
    this.#connection = connection;
    this.#stream = stream;
    this.#group = group;
  }

  /** Names of those that are gone; nothing when it is too early to look again. */
  async gone(): Promise<readonly string[]> {
    const now = performance.now();
    if (now < this.#lookAt) return [];
    const rows = (await this.#connection.call('XINFO', 'CONSUMERS', this.#stream, this.#group)) as Buffer[][];
    this.#lookAt = now + Math.max(leastMs, rows.length * perConsumerMs);
    return this.#withoutConnection(rows.map(([, name]) => String(name)));
  }

  async #withoutConnection(names: readonly string[]): Promise<readonly string[]> {
    const found = names.flatMap((name) => {
      const [, uuid, client] = consumerName.exec(name) ?? [];
      return uuid === undefined || client === undefined ? [] : [{ name, uuid, client }];
    });
    if (found.length === 0) return [];
    try {
      const list = String(await this.#connection.call('CLIENT', 'LIST', 'ID', ...found.map(({ client }) => client)));
      // The number alone does not do: a server begins anew with them when it starts.
      return found.filter(({ uuid }) => !list.includes(uuid)).map(({ name }) => name);
    } catch {
      this.#lookAt = Infinity;
      return [];
    }
  }
}

/** The name of a consumer, and whether the server shows the connection behind it to those who look. */
export async function introduce(reads: Connection, uuid: string, clientId: number, leaseMs: number): Promise<string> {
  try {
    const [, list] = await Promise.all([
      reads.call('CLIENT', 'SETNAME', `${reads.name}-${uuid}`),
      reads.call('CLIENT', 'LIST', 'ID', clientId),
    ]);
    if (String(list).includes(uuid)) return `${uuid}/${clientId}/${leaseMs}`;
  } catch {
    // Not allowed here: then its lease alone says whether it lives.
  }
  return `${uuid}/0/${leaseMs}`;
}
