import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { realClock, WaybillError } from '@waybill/core/driver';
import { KafkaError } from '../errors.ts';
import type { AnswerTo, BrokerConnection, RequestName, Requests } from '../library.ts';
import type { Host, KafkaCredentials, Settings } from '../options.ts';
import {
  Connection,
  type InternalConnection,
  KafkaJSRequestTimeoutError,
  type Logger,
  type SocketOptions,
} from './internals.ts';
import { exchangeOf } from './requests.ts';

/** What goes wrong is told by errors. */
const silent: Logger = {
  namespace: () => silent,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A connection of kafkajs. Its socket and its timers are ours, so that an end is seen when it is there. */
export class KafkaJsBrokerConnection implements BrokerConnection {
  readonly closed: Promise<unknown>;
  readonly #connection: InternalConnection;
  readonly #patienceMs: number;
  readonly #where: string;
  #socket: Socket | undefined;
  #isClosing = false;
  #isClosed = false;
  #lastError: Error | undefined;
  #resolve: (cause: unknown) => void = () => undefined;

  private constructor(settings: Settings, host: Host, credentials: KafkaCredentials | undefined, patienceMs: number) {
    this.#patienceMs = patienceMs;
    this.#where = `${host.hostname}:${host.port}`;
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
    this.#connection = new Connection({
      host: host.hostname,
      port: host.port,
      clientId: settings.clientId,
      ssl: settings.tls ?? null,
      sasl: credentials === undefined ? null : { mechanism: settings.mechanism, ...credentials },
      connectionTimeout: settings.connectTimeoutMs,
      requestTimeout: patienceMs,
      // It would only forget the request; who leaves one open is gone.
      enforceRequestTimeout: false,
      socketFactory: (options) => this.#dial(options),
      logger: silent,
    });
    // With every answer it sets a timer for requests that wait for their turn, which sets itself again every millisecond
    // (TimeoutNegativeWarning on Node 24). Nothing ever waits here: there is no limit to what is out.
    this.#connection.requestQueue.scheduleCheckPendingRequests = () => undefined;
  }

  static async open(
    settings: Settings,
    host: Host,
    patienceMs: number = settings.requestTimeoutMs,
  ): Promise<BrokerConnection> {
    const opened = new KafkaJsBrokerConnection(settings, host, await settings.credentials?.(), patienceMs);
    const timer = realClock.after(settings.connectTimeoutMs, () => opened.#lose(opened.#tooLong('an introduction')));
    try {
      await opened.#connection.connect();
      if (settings.credentials !== undefined) await opened.#authenticate();
      return opened;
    } catch (error) {
      opened.close();
      throw opened.#lastError ?? error;
    } finally {
      timer.cancel();
    }
  }

  get native(): InternalConnection {
    return this.#connection;
  }

  get isOpen(): boolean {
    return !this.#isClosing && !this.#isClosed && this.#connection.isConnected();
  }

  async ask<Name extends RequestName>(name: Name, ...args: Parameters<Requests[Name]>): Promise<AnswerTo<Name>> {
    const { request, response } = exchangeOf(name, ...args);
    const timer = realClock.after(this.#patienceMs, () => this.#lose(this.#tooLong(request.apiName)));
    try {
      return await this.#connection.send({
        request,
        response: { decode: (bytes) => response.decode(bytes), parse: itself },
      });
    } finally {
      timer.cancel();
    }
  }

  close(): void {
    this.#isClosing = true;
    this.#end(undefined);
  }

  /** kafkajs does not say why; what came before the answer of the broker was the network. */
  async #authenticate(): Promise<void> {
    const { apiKeys } = await this.ask('apiVersions', 'waybill', '0');
    this.#connection.setVersions(Object.fromEntries(apiKeys.map((one) => [one.apiKey, one])));
    this.#connection.setSupportAuthenticationProtocol(true);
    try {
      await this.#connection.authenticate();
    } catch (error) {
      if (this.#isClosed || !this.#connection.isConnected()) throw error;
      throw new KafkaError(authenticationFailed, 'the credentials', error instanceof Error ? error.message : undefined);
    }
  }

  #dial({ host, port, ssl, onConnect }: SocketOptions): Socket {
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket =
      ssl === null ? connectTcp({ host, port }, onConnect) : connectTls({ host, port, ...name, ...ssl }, onConnect);
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', (error) => {
      this.#lastError ??= error;
    });
    socket.once('close', () => this.#end(this.#lastError ?? new WaybillError('unavailable', 'Kafka hung up')));
    return socket;
  }

  #tooLong = (what: string): Error =>
    new KafkaJSRequestTimeoutError(`Kafka at ${this.#where} left ${what} open for too long`);

  #lose(error: Error): void {
    this.#lastError ??= error;
    this.#end(error);
  }

  #end(cause: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // With an error, so that kafkajs ends its own timer.
    this.#socket?.destroy(new Error('closed'));
    this.#connection.requestQueue.rejectAll(
      cause instanceof Error
        ? cause
        : new WaybillError('closed', `The connection to Kafka at ${this.#where} was closed`),
    );
    this.#resolve(this.#isClosing ? undefined : cause);
  }
}

const authenticationFailed = 58;
const itself = <T>(answer: T): T => answer;
