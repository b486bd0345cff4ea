import { checkServerIdentity } from 'node:tls';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { abandonable, WaybillError } from '@waybill/core/driver';
import { versionNumber } from './capabilities.ts';
import { authenticatorOf } from './credentials.ts';
import { classify, connectError } from './errors.ts';
import type { Settings } from './options.ts';

/** One connection to one server, with what is asked of JetStream on it. It never heals. */
export interface Connection {
  readonly client: NatsConnection;
  readonly manager: JetStreamManager;
  /** Of JetStream's own subjects. */
  readonly api: string;
  readonly version: string;
  /** Of this run of the server. */
  readonly serverId: string;
  readonly maxPayload: number;
  /** Before 2.10: see `Consumption`. */
  readonly isForgetful: boolean;
  readonly settings: Settings;
  /** Resolves with the cause, however it ends, and before the client has tidied up. */
  readonly closed: Promise<unknown>;
  /** Calls back when it is closed; returns the way to be forgotten. */
  readonly whenClosed: (listener: (cause: unknown) => void) => () => void;
  /** What the server refused on a subject, when it says so without being asked. */
  onRefused(subject: string, error: unknown): void;
}

export async function openConnection(
  settings: Settings,
  hosts: readonly string[],
  signal: AbortSignal,
): Promise<Connection> {
  const where = hosts.join(', ');
  const opening = open(settings, hosts);
  try {
    const client = await abandonable(opening, signal, (late) => void late.close());
    return await introduced(client, settings);
  } catch (error) {
    if (signal.aborted)
      throw new WaybillError('aborted', `Connecting to NATS at ${where} was given up`, { cause: error });
    throw WaybillError.is(error) ? error : connectError(error, where);
  }
}

async function open(settings: Settings, hosts: readonly string[]): Promise<NatsConnection> {
  const credentials = await settings.credentials();
  return connect({
    servers: [...hosts],
    name: settings.connectionName,
    timeout: settings.connectTimeoutMs,
    pingInterval: settings.pingIntervalMs,
    maxPingOut: 2,
    inboxPrefix: settings.inboxPrefix,
    reconnect: false,
    noRandomize: true,
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
    ...(credentials !== undefined && { authenticator: authenticatorOf(credentials) }),
    ...(settings.tls !== undefined && { tls: tlsOf(settings, hosts) }),
  });
}

/** The client lets Node check the certificate of an address against the name `localhost`; here it is checked against the address. */
function tlsOf({ tls }: Settings, hosts: readonly string[]): object {
  const [only] = hosts;
  const hostname = tls?.servername ?? (only ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return {
    ...tls,
    ...(hosts.length === 1 && {
      checkServerIdentity: (_: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
        checkServerIdentity(hostname, certificate),
    }),
  };
}

/** Asks whether JetStream is there and ready, which a server that just started may not be. */
async function introduced(client: NatsConnection, settings: Settings): Promise<Connection> {
  const { domain, answerTimeoutMs: timeout } = settings;
  const listeners = new Set<(cause: unknown) => void>();
  const closed = closing(client);
  void closed.then((cause) => listeners.forEach((listener) => listener(cause)));
  const connection: Connection = {
    client,
    manager: await jetstreamManager(client, { checkAPI: false, timeout, ...(domain !== undefined && { domain }) }),
    api: domain === undefined ? '$JS.API' : `$JS.${domain}.API`,
    version: client.info?.version ?? '',
    serverId: client.info?.server_id ?? '',
    maxPayload: client.info?.max_payload ?? 0,
    isForgetful: versionNumber(client.info?.version ?? '') < 2010,
    settings,
    closed,
    whenClosed(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onRefused: () => undefined,
  };
  void watch(connection);
  try {
    await connection.manager.getAccountInfo();
    return connection;
  } catch (error) {
    const reason = unanswered(connection, error);
    await client.close();
    throw reason;
  }
}

/** Why JetStream did not say who we are. */
function unanswered({ client, settings: { domain } }: Connection, cause: unknown): unknown {
  const code = classify(cause);
  const isForbidden = cause instanceof Error && classify(cause.cause) === 'unsupported';
  if (isForbidden || (domain === undefined && client.info?.jetstream !== true))
    return new WaybillError(
      'unsupported',
      'This NATS server has no JetStream, or the account may not use it; start it with jetstream enabled',
      { cause },
    );
  if (domain === undefined || (code !== 'unavailable' && code !== 'timeout')) return cause;
  const text = `Nobody answers for the JetStream domain "${domain}"; check its name, and that its servers can be reached from this one`;
  return new WaybillError('unavailable', text, { cause });
}

/** When the server has not answered pings the client waits for a last write, which a dead peer never takes: the status says it first. */
async function closing(client: NatsConnection): Promise<unknown> {
  const silent = (async () => {
    for await (const { type } of client.status()) if (type === 'staleConnection') return undefined;
    return await client.closed();
  })();
  return (
    (await Promise.race([client.closed(), silent])) ??
    new WaybillError('unavailable', 'The connection to the NATS server was closed')
  );
}

async function watch(connection: Connection): Promise<void> {
  for await (const status of connection.client.status())
    if (status.type === 'error' && 'subject' in status.error && typeof status.error.subject === 'string')
      connection.onRefused(status.error.subject, status.error);
}
