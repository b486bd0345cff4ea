import { isIP } from 'node:net';
import { Connection, type ConnectionOptions } from '@platformatic/kafka';
import { WaybillError } from '@waybill/core/driver';
import type { AnswerTo, BrokerConnection, RequestName, Requests } from '../library.ts';
import type { Host, KafkaCredentials, Settings } from '../options.ts';
import { asking } from './requests.ts';

const mechanisms = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const;

/** A connection of @platformatic/kafka. */
export class PlatformaticConnection implements BrokerConnection {
  readonly closed: Promise<unknown>;
  readonly #connection: Connection;
  #isClosing = false;

  private constructor(connection: Connection) {
    this.#connection = connection;
    let lastError: unknown;
    connection.on('error', (error) => (lastError = error));
    this.closed = new Promise((resolve) => {
      connection.once('close', () =>
        resolve(this.#isClosing ? undefined : (lastError ?? new WaybillError('unavailable', 'Kafka hung up'))),
      );
    });
  }

  static async open(
    settings: Settings,
    host: Host,
    patienceMs: number = settings.requestTimeoutMs,
  ): Promise<BrokerConnection> {
    const credentials = await settings.credentials?.();
    const connection = new Connection(settings.clientId, optionsOf(settings, host, credentials, patienceMs));
    // Nobody may be listening yet when it fails; `connect` rejects with the same error.
    connection.on('error', () => undefined);
    await connection.connect(host.hostname, host.port);
    return new PlatformaticConnection(connection);
  }

  get native(): Connection {
    return this.#connection;
  }

  get isOpen(): boolean {
    return !this.#isClosing && this.#connection.isConnected();
  }

  async ask<Name extends RequestName>(name: Name, ...args: Parameters<Requests[Name]>): Promise<AnswerTo<Name>> {
    return answered(asking[name](this.#connection, ...args));
  }

  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#connection.close().catch(() => undefined);
    this.#connection.socket.destroy();
  }
}

/** The library throws an answer that holds error codes; here it is an answer. */
export async function answered<R>(asked: Promise<R>): Promise<R> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Error && 'response' in error) return error.response as R;
    throw error;
  }
}

function optionsOf(
  { connectTimeoutMs, mechanism, tls }: Settings,
  { hostname }: Host,
  credentials: KafkaCredentials | undefined,
  requestTimeout: number,
): ConnectionOptions {
  return {
    connectTimeout: connectTimeoutMs,
    requestTimeout,
    // What is to be sent is decided elsewhere: nothing waits unseen in a queue of the library.
    maxInflights: 10_000,
    ...(tls !== undefined && {
      tls,
      ...(tls.servername === undefined && isIP(hostname) === 0 && { tlsServerName: hostname }),
    }),
    ...(credentials !== undefined && { sasl: { mechanism: mechanisms[mechanism], ...credentials } }),
  };
}
