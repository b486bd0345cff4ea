import type { Exit } from '../process/managed.ts';
import type { RabbitmqLine } from './lines.ts';

export interface StartOptions {
  readonly line: RabbitmqLine;
  /** Part of the name of its data directory. Default: `rabbitmq-<line>`. */
  readonly name?: string;
  /** Also listen with TLS. Default: false. */
  readonly tls?: boolean;
  /** Also serve the management page and its HTTP interface. Default: false. */
  readonly management?: boolean;
  /** Further settings, as in `rabbitmq.conf`, for example `{ max_message_size: '65536' }`. */
  readonly configuration?: Readonly<Record<string, string>>;
  /** Told what takes time: downloads above all. */
  readonly onProgress?: (message: string) => void;
}

export interface User {
  readonly name: string;
  readonly password: string;
  /** Patterns of resource names, as for `rabbitmqctl set_permissions`; default: all. An empty string allows none. */
  readonly configure?: string;
  readonly write?: string;
  readonly read?: string;
}

export interface BrokerTls {
  /** By the name in the certificate. */
  readonly url: string;
  /** The same listener by its address, which the certificate does not name. */
  readonly mismatchedUrl: string;
  /** The certificate (PEM) of the authority that a client must be told to trust. */
  readonly authority: string;
}

/**
 * A live RabbitMQ. With `controls: 'none'` (its URL came from the environment, or it is shared with other test
 * files) whatever would disturb the server rejects with one error that says why.
 */
export interface Broker extends AsyncDisposable {
  /** With credentials, for any AMQP 0-9-1 client. */
  readonly url: string;
  readonly line: RabbitmqLine;
  /** As the server reports it. */
  readonly version: string;
  readonly controls: 'process' | 'none';
  /** Of the present process; another one after `restart`. Undefined without process control. */
  readonly pid: number | undefined;
  /** Settles when the present process ends, for whatever reason. Undefined without process control. */
  readonly exited: Promise<Exit> | undefined;
  readonly ports: { readonly amqp: number; readonly tls?: number; readonly management?: number };
  /** Path of the server's log. Undefined without process control. */
  readonly log: string | undefined;
  /** Directory of the server's data. Undefined without process control. */
  readonly data: string | undefined;
  /** Present when started with `tls: true`. */
  readonly tls: BrokerTls | undefined;
  /** Present when started with `management: true`. */
  readonly managementUrl: string | undefined;

  /** Graceful: SIGTERM, and resolves when the process has ended. Data is kept for `restart`. */
  stop(): Promise<void>;
  /** SIGKILL; resolves on the exit of the process. */
  kill(): Promise<void>;
  /** Starts it again on the same data and ports and resolves when it answers; a running one is stopped first. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and new ones are accepted, but nothing is answered. */
  pause(): Promise<void>;
  /** SIGCONT. */
  resume(): Promise<void>;
  /** Runs `rabbitmqctl` with these arguments (about half a second) and returns what it prints. */
  control(...commandArguments: readonly string[]): Promise<string>;
  /** Creates a user and returns the URL to connect as it. */
  addUser(user: User): Promise<string>;
  /** Raises or clears the alarm that makes the server block publishers. */
  setAlarm(resource: 'memory' | 'disk', state: 'on' | 'off'): Promise<void>;
  /** Ends the server and deletes its data. A server from the environment is left alone. */
  [Symbol.asyncDispose](): Promise<void>;
}
