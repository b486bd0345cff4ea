import { Redis } from 'ioredis';
import { abandonable, realClock, type Timer, WaybillError } from '@waybill/core/driver';
import { connectError, withoutArguments } from './errors.ts';
import type { Host, RedisTls, Settings } from './options.ts';
import { type Script, scripts } from './scripts.ts';

export type Argument = string | Buffer | number;

/** How long a goodbye may take before the socket is cut. */
const goodbyeMs = 1_000;

/** One connection. It never heals: ioredis may neither connect again, nor keep a command for later, nor send one twice. */
export class Connection {
  readonly client: Redis;
  readonly host: Host;
  /** As CLIENT LIST shows it. */
  readonly name: string;
  /** Resolves with the cause, however it ends. */
  readonly closed: Promise<unknown>;
  #end!: (cause: unknown) => void;
  #lastError: unknown;
  #isWaiting = false;
  #isClosed = false;
  #heart: Timer | undefined;

  constructor(client: Redis, host: Host, name: string) {
    this.client = client;
    this.host = host;
    this.name = name;
    this.closed = new Promise((resolve) => (this.#end = resolve));
    client.on('error', (error) => (this.#lastError = error));
    client.once('close', () => this.#finish(this.#lastError));
  }

  /** From now on silence is noticed. */
  beat(heartbeatMs: number): void {
    if (!this.#isClosed) this.#beatAgain(heartbeatMs);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Answers come as buffers. Rejects with the server's error, or because the connection ended. */
  async call(command: string, ...args: readonly Argument[]): Promise<unknown> {
    this.#mustBeOpen();
    try {
      return await this.client.callBuffer(command, [...args]);
    } catch (error) {
      throw this.#heard(error);
    }
  }

  /** A server that does not know the script, or not any more, has certainly not run it. */
  async run({ sha, lua }: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    this.#mustBeOpen();
    try {
      return await this.client.callBuffer('EVALSHA', [sha, keys.length, ...keys, ...args]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw this.#heard(error);
      return this.call('EVAL', lua, keys.length, ...keys, ...args);
    }
  }

  /** ioredis says the same of what was on its way and of what never left. */
  #mustBeOpen(): void {
    if (this.#isClosed) throw new WaybillError('unavailable', 'The connection to Redis is closed; nothing was sent');
  }

  /** A node that has given away the slot, or is no primary any more, is of no further use: the next link asks anew. */
  #heard(error: unknown): unknown {
    if (error instanceof Error && /^(MOVED|ASK|READONLY) /.test(error.message)) this.#cut(error);
    return withoutArguments(error);
  }

  /** Ends by itself when the server closes too, else after a while. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const { stream } = this.client;
    const cut = realClock.after(goodbyeMs, () => stream?.destroy());
    this.client.disconnect();
    await this.closed;
    cut.cancel();
  }

  #beatAgain(heartbeatMs: number): void {
    this.#heart = realClock.after(heartbeatMs, () => this.#beat(heartbeatMs));
  }

  /** A blocking read ends before the next beat, so an answer that is missing for a whole one is missing for good. */
  #beat(heartbeatMs: number): void {
    if (this.#isWaiting) return this.#cut(new WaybillError('timeout', `Redis did not answer within ${heartbeatMs} ms`));
    this.#isWaiting = true;
    this.client.ping().then(
      () => (this.#isWaiting = false),
      () => undefined,
    );
    this.#beatAgain(heartbeatMs);
  }

  #cut(cause: unknown): void {
    this.#finish(cause);
    this.client.disconnect();
    this.client.stream?.destroy();
  }

  #finish(cause: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#heart?.cancel();
    this.#end(cause ?? new WaybillError('unavailable', 'The connection to Redis was closed'));
  }
}

/** Rejects with a connect error that names the host and no credential. */
export async function openConnection(
  settings: Settings,
  host: Host,
  role: 'commands' | 'reads',
  signal: AbortSignal,
): Promise<Connection> {
  const where = `${host.hostname}:${host.port}`;
  const patience = AbortSignal.timeout(settings.connectTimeoutMs);
  const client = newClient(settings, host);
  const connection = new Connection(client, host, `${settings.connectionName}-${role}`);
  let failure: unknown;
  client.once('error', (error) => (failure = error));
  try {
    await abandonable(greet(connection, settings, role), AbortSignal.any([signal, patience]));
    connection.beat(settings.heartbeatMs);
    return connection;
  } catch (error) {
    // Ended by hand, so that nothing is left of it whatever state it is in.
    client.disconnect();
    client.stream?.destroy();
    if (signal.aborted)
      throw new WaybillError('aborted', `Connecting to Redis at ${where} was given up`, { cause: error });
    if (patience.aborted)
      throw connectError(new WaybillError('timeout', `no answer within ${settings.connectTimeoutMs} ms`), where);
    throw connectError(failure ?? error, where);
  }
}

const newClient = (settings: Settings, host: Host): Redis =>
  new Redis({
    host: host.hostname,
    port: host.port,
    ...(settings.tls && { tls: tlsOf(settings.tls, host) }),
    connectTimeout: settings.connectTimeoutMs,
    protocol: 2,
    lazyConnect: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    disableClientInfo: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
  });

/** ioredis passes on what it is given, and node takes no name from an address. */
const tlsOf = (tls: RedisTls, { hostname }: Host): RedisTls =>
  /^[\d.:]+$/.test(hostname) ? tls : { servername: hostname, ...tls };

/** All in one flight. The first refusal is the one that counts: what follows it is refused because of it. */
async function greet(connection: Connection, settings: Settings, role: 'commands' | 'reads'): Promise<void> {
  const credentials = await settings.credentials();
  await connection.client.connect();
  const { username, password } = credentials ?? {};
  await Promise.all([
    password !== undefined && connection.call('AUTH', ...(username === undefined ? [] : [username]), password),
    settings.database > 0 && connection.call('SELECT', settings.database),
    // Names are for those who look; nothing depends on them where they are not allowed.
    connection.call('CLIENT', 'SETNAME', connection.name).catch(() => undefined),
    role === 'commands' && teach(connection),
    connection.call('PING'),
  ]);
}

/** So that no message waits for the text of a script; without the right to it each is sent when it is needed first. */
async function teach(connection: Connection): Promise<void> {
  await Promise.all(scripts.map(({ lua }) => connection.call('SCRIPT', 'LOAD', lua).catch(() => undefined)));
}
