import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import { type ChannelModel, connect, credentials as mechanism, type Options } from 'amqplib';
import { WaybillError } from '@waybill/core/driver';
import { connectError } from './errors.ts';
import type { Host, RabbitCredentials, Settings } from './options.ts';

/** `Link.native`: an alarm of the broker stops the first and must not stop acknowledgements on the second. */
export interface RabbitConnections {
  readonly publishing: ChannelModel;
  readonly consuming: ChannelModel;
}

/** How long a goodbye may take before the socket is cut. */
const goodbyeMs = 2_000;
/** Room for a batch in the socket, so that it leaves in one write. */
const writeBytes = 1 << 20;

/** One AMQP connection with its socket. It never heals. */
export class Connection {
  readonly model: ChannelModel;
  /** Resolves with the cause, however it ends. */
  readonly closed: Promise<unknown>;
  readonly #socket: Socket | undefined;
  readonly #cut: () => void;
  #isCorked = false;

  constructor(model: ChannelModel, socket: Socket | undefined, cut: () => void) {
    this.model = model;
    this.#socket = socket;
    this.#cut = cut;
    let lastError: unknown;
    // The same error comes with `close`, except for a protocol error of our side.
    model.on('error', (error) => (lastError = error));
    this.closed = new Promise((resolve) => {
      model.once('close', (error) =>
        resolve(error ?? lastError ?? new WaybillError('unavailable', 'The connection to RabbitMQ was closed')),
      );
    });
  }

  /**
   * What `write` publishes leaves in one system call. amqplib hands its frames to the socket in an immediate that it
   * asks for in the next tick; ours, asked for after the writes, runs after it. If that ever changes, frames leave one
   * by one again, and nothing else.
   */
  corked(write: () => void): void {
    const socket = this.#socket;
    if (socket === undefined || this.#isCorked) return write();
    this.#isCorked = true;
    socket.cork();
    write();
    process.nextTick(() =>
      setImmediate(() => {
        this.#isCorked = false;
        socket.uncork();
      }),
    );
  }

  /** Says goodbye, and cuts the line when nobody answers. */
  async close(): Promise<void> {
    const impatience = AbortSignal.timeout(goodbyeMs);
    impatience.addEventListener('abort', this.#cut);
    // Rejects when the connection is gone already, and never settles when it goes meanwhile: `closed` knows both.
    this.model.close().catch(() => undefined);
    await this.closed;
    impatience.removeEventListener('abort', this.#cut);
    this.#cut();
  }
}

/** Both connections to the first host that answers, beginning with host `first`. A refusal is not asked elsewhere. */
export async function openConnections(
  settings: Settings,
  first: number,
  signal: AbortSignal,
): Promise<{ readonly publishing: Connection; readonly consuming: Connection; readonly host: number }> {
  const { hosts } = settings;
  for (let tries = 0; ; tries++) {
    const at = (first + tries) % hosts.length;
    const host = hosts[at] ?? hosts[0];
    try {
      return { ...(await openPair(settings, host, signal)), host: at };
    } catch (error) {
      const isLast = tries === hosts.length - 1;
      if (isLast || signal.aborted || !WaybillError.is(error) || !error.retryable) throw error;
    }
  }
}

async function openPair(
  settings: Settings,
  host: Host,
  signal: AbortSignal,
): Promise<{ readonly publishing: Connection; readonly consuming: Connection }> {
  const credentials = await settings.credentials();
  const [publishing, consuming] = await Promise.allSettled([
    open(settings, host, credentials, 'publishing', signal),
    open(settings, host, credentials, 'consuming', signal),
  ]);
  if (publishing.status === 'fulfilled' && consuming.status === 'fulfilled')
    return { publishing: publishing.value, consuming: consuming.value };
  for (const one of [publishing, consuming]) if (one.status === 'fulfilled') await one.value.close();
  throw publishing.status === 'rejected' ? publishing.reason : (consuming as PromiseRejectedResult).reason;
}

async function open(
  settings: Settings,
  host: Host,
  credentials: RabbitCredentials,
  role: string,
  signal: AbortSignal,
): Promise<Connection> {
  const where = `${host.hostname}:${host.port}`;
  const life = new AbortController();
  // A server that is stopped takes the connection and says nothing: only this ends the wait.
  const patience = AbortSignal.timeout(settings.connectTimeoutMs);
  const giveUp = (): void => life.abort();
  for (const reason of [signal, patience]) reason.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    const [opening, socket] = withSocket(() =>
      connect(addressOf(settings, host), socketOptions(settings, credentials, role, life.signal)),
    );
    return new Connection(await opening, socket, () => life.abort());
  } catch (error) {
    if (patience.aborted && !signal.aborted)
      throw connectError(new WaybillError('timeout', `no answer within ${settings.connectTimeoutMs} ms`), where);
    if (signal.aborted)
      throw new WaybillError('aborted', `Connecting to RabbitMQ at ${where} was given up`, { cause: error });
    throw connectError(error, where);
  } finally {
    for (const reason of [signal, patience]) reason.removeEventListener('abort', giveUp);
  }
}

const addressOf = ({ vhost, heartbeatMs, tls }: Settings, { hostname, port }: Host): Options.Connect => ({
  protocol: tls === undefined ? 'amqp' : 'amqps',
  hostname,
  port,
  // amqplib decodes it once more.
  vhost: encodeURIComponent(vhost),
  heartbeat: heartbeatMs / 1000,
});

const socketOptions = (
  settings: Settings,
  { username, password }: RabbitCredentials,
  role: string,
  signal: AbortSignal,
) => ({
  ...settings.tls,
  noDelay: true,
  keepAlive: true,
  signal,
  writableHighWaterMark: writeBytes,
  credentials: mechanism.plain(username, password),
  clientProperties: { connection_name: `${settings.connectionName} (${role})`, product: 'Waybill' },
});

/** Runs `start` and finds the TCP socket that it made, which amqplib does not show; `undefined` with TLS. */
function withSocket<T>(start: () => T): [T, Socket | undefined] {
  let found: Socket | undefined;
  const look = (message: unknown): void => {
    if (typeof message === 'object' && message !== null && 'socket' in message && message.socket instanceof Socket)
      found = message.socket;
  };
  subscribe('net.client.socket', look);
  try {
    return [start(), found];
  } finally {
    unsubscribe('net.client.socket', look);
  }
}
