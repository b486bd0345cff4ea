import type { Argument, Connection } from './connection.ts';
import { entriesOf, type Entry, type RawEntry } from './records.ts';

/** More of them are asked for next: a read of very many would hold up the server. */
export const mostAtOnce = 1_000;

/** A connection for reads that wait, and another one to end such a wait. */
export class Reader {
  readonly connection: Connection;
  readonly #commands: Connection;
  readonly clientId: number;
  #isBlocked = false;

  private constructor(connection: Connection, commands: Connection, clientId: number) {
    this.connection = connection;
    this.#commands = commands;
    this.clientId = clientId;
  }

  static async of(connection: Connection, commands: Connection): Promise<Reader> {
    return new Reader(connection, commands, Number(await connection.call('CLIENT', 'ID')));
  }

  /** Of one stream. `command` is all before `COUNT`; 0 does not wait; `after` is an id, or `>`. */
  async read(
    command: readonly [string, ...Argument[]],
    limit: number,
    blockMs: number,
    stream: string,
    after: string,
  ): Promise<Entry[]> {
    const [name, ...args] = command;
    const count = Math.min(limit, mostAtOnce);
    const wait = blockMs === 0 ? [] : ['BLOCK', Math.max(1, Math.ceil(blockMs))];
    const answer = await this.wait(name, ...args, 'COUNT', count, ...wait, 'STREAMS', stream, after);
    return entriesOf((answer as readonly (readonly [Buffer, readonly RawEntry[]])[] | null)?.[0]?.[1] ?? []);
  }

  /** Any command that waits. */
  async wait(command: string, ...args: readonly Argument[]): Promise<unknown> {
    this.#isBlocked = true;
    try {
      return await this.connection.call(command, ...args);
    } finally {
      this.#isBlocked = false;
    }
  }

  /** Ends a wait. It may not have reached the server yet, so this is said until it is over. */
  async unblock(): Promise<void> {
    while (this.#isBlocked && !this.connection.isClosed && !this.#commands.isClosed) {
      try {
        await this.#commands.call('CLIENT', 'UNBLOCK', this.clientId);
      } catch {
        // Not allowed to: the wait ends by itself soon.
        return;
      }
    }
  }
}
