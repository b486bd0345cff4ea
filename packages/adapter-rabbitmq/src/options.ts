import type { ConnectionOptions } from 'node:tls';
import { checkOptions, decodedUrlPart, type OptionChecks, WaybillError } from '@waybill/core/driver';

export interface RabbitCredentials {
  readonly username: string;
  readonly password: string;
}

/** As in `node:tls`. */
export type RabbitTls = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized' | 'minVersion'
>;

export interface RabbitOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:` for TLS. @default 'amqp://guest:guest@localhost' */
  readonly url?: string;
  /** `host` or `host:port` of several nodes, tried in turn; they replace the host of `url`. */
  readonly hosts?: readonly string[];
  /** Replaces what `url` says. A function is asked for each connection: for credentials that change. */
  readonly credentials?: RabbitCredentials | (() => RabbitCredentials | Promise<RabbitCredentials>);
  /** Replaces what `url` says. @default '/' */
  readonly vhost?: string;
  /** TLS, with these settings. @default TLS exactly if the scheme is `amqps:` */
  readonly tls?: boolean | RabbitTls;
  /** A silent peer counts as lost after two to three of these, in milliseconds: whole seconds, 1,000 to 60,000. @default 10000 */
  readonly heartbeatMs?: number;
  /** For one host to take a connection and end the handshake, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number;
  /** Shown in the management interface, with the role appended. @default 'waybill' */
  readonly connectionName?: string;
  /** `max_message_size` of the server, in bytes, where it is not the default: AMQP does not tell it. @default 16 MiB, 128 MiB before 4.0 */
  readonly maxMessageBytes?: number;
}

export interface Host {
  readonly hostname: string;
  readonly port: number;
}

/** Options with everything decided. */
export interface Settings {
  readonly hosts: readonly [Host, ...Host[]];
  readonly credentials: () => RabbitCredentials | Promise<RabbitCredentials>;
  readonly vhost: string;
  readonly tls: RabbitTls | undefined;
  readonly heartbeatMs: number;
  readonly connectTimeoutMs: number;
  readonly connectionName: string;
  readonly maxMessageBytes: number | undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isWithin = (value: unknown, least: number, most: number, step = 1): boolean =>
  typeof value === 'number' && value >= least && value <= most && value % step === 0;
const isCredentials = (value: unknown): boolean =>
  isObject(value) && 'username' in value && isText(value.username) && 'password' in value && isText(value.password);

/** Each option: what it wants, and whether it has it. */
const checks: OptionChecks<RabbitOptions> = {
  url: ['an amqp: or amqps: URL', isText],
  hosts: [
    'a list of "host" or "host:port"',
    (value) => Array.isArray(value) && value.length > 0 && value.every(isText),
  ],
  credentials: [
    '{ username, password } or a function that returns them',
    (value) => typeof value === 'function' || isCredentials(value),
  ],
  vhost: ['a name', isText],
  tls: ['true, false or options of node:tls', (value) => typeof value === 'boolean' || isObject(value)],
  heartbeatMs: ['whole seconds in milliseconds, 1000 to 60000', (value) => isWithin(value, 1_000, 60_000, 1_000)],
  connectTimeoutMs: ['milliseconds, 100 to 600000', (value) => isWithin(value, 100, 600_000)],
  connectionName: ['a name', isText],
  maxMessageBytes: ['a number of bytes, 1 to 536870912', (value) => isWithin(value, 1, 512 << 20)],
};

/** Throws `invalid`; no text ever holds a credential, nor the URL they came in. */
export function settingsOf(given: string | RabbitOptions): Settings {
  const options = typeof given === 'string' ? { url: given } : given;
  checkOptions('rabbitmq', options, checks);
  const url = readUrl(options.url ?? 'amqp://localhost');
  const isTls = options.tls === undefined ? url.protocol === 'amqps:' : options.tls !== false;
  const port = isTls ? 5671 : 5672;
  const [first, ...others] = (options.hosts ?? [url.host]).map((host) => hostOf(host, port));
  const credentials = options.credentials ?? credentialsOf(url);
  return {
    hosts: [first ?? { hostname: 'localhost', port }, ...others],
    credentials: typeof credentials === 'function' ? credentials : () => credentials,
    vhost: options.vhost ?? (decoded(url.pathname.slice(1)) || '/'),
    tls: isTls ? (typeof options.tls === 'object' ? options.tls : {}) : undefined,
    heartbeatMs: options.heartbeatMs ?? 10_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    connectionName: options.connectionName ?? 'waybill',
    maxMessageBytes: options.maxMessageBytes,
  };
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'amqp:' && url?.protocol !== 'amqps:')
    throw new WaybillError(
      'invalid',
      'The URL of a RabbitMQ looks like amqp://user:password@host:5672/vhost, or amqps: for TLS; this one cannot be read',
    );
  if (url.search !== '' || url.hash !== '')
    throw new WaybillError(
      'invalid',
      'The URL of a RabbitMQ takes no ?query and no #hash here; pass options to rabbitmq({ url, ... }), and write %23 and %3F for # and ? in a password',
    );
  return url;
}

const credentialsOf = ({ username, password }: URL): RabbitCredentials =>
  username === '' && password === ''
    ? { username: 'guest', password: 'guest' }
    : { username: decoded(username), password: decoded(password) };

function hostOf(text: string, port: number): Host {
  const url = URL.canParse(`amqp://${text}`) ? new URL(`amqp://${text}`) : undefined;
  if (url === undefined || url.host !== text)
    throw new WaybillError(
      'invalid',
      'The rabbitmq option "hosts" wants "host" or "host:port", without scheme and credentials',
    );
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || port) };
}

const decoded = (text: string): string => decodedUrlPart('The URL of a RabbitMQ', text);
