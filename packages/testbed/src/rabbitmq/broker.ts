import type { CommonOptions } from '../product.ts';
import type { Credentials, Server, ServerTls } from '../server.ts';
import type { RabbitmqLine } from './lines.ts';

export interface StartOptions extends CommonOptions<RabbitmqLine> {
  /** Also serve the management page and its HTTP interface. Default: false. */
  readonly management?: boolean;
  /** Further settings, as in `rabbitmq.conf`, for example `{ max_message_size: '65536' }`. */
  readonly configuration?: Readonly<Record<string, string>>;
}

export interface User extends Credentials {
  /** Patterns of resource names, as for `rabbitmqctl set_permissions`; default: all. An empty string allows none. */
  readonly configure?: string;
  readonly write?: string;
  readonly read?: string;
}

/** A live RabbitMQ. */
export interface Broker extends Server<RabbitmqLine> {
  /** With credentials, for any AMQP 0-9-1 client. */
  readonly url: string;
  readonly ports: { readonly amqp: number; readonly tls?: number; readonly management?: number };
  /** Present when started with `tls: true`. */
  readonly tls: ServerTls | undefined;
  /** Present when started with `management: true`. */
  readonly managementUrl: string | undefined;

  /** Runs `rabbitmqctl` with these arguments (about half a second) and returns what it prints. */
  control(...commandArguments: readonly string[]): Promise<string>;
  /** Creates a user and returns the URL to connect as it. */
  addUser(user: User): Promise<string>;
  /** Raises or clears the alarm that makes the server block publishers. */
  setAlarm(resource: 'memory' | 'disk', state: 'on' | 'off'): Promise<void>;
}
