import type { ConnectionOptions } from 'node:tls';
import { checkOptions, decodedUrlPart, type OptionChecks, WaybillError } from '@waybill/core/driver';
import { type Durability, durabilities } from './server.ts';

export interface RedisCredentials {
  /** @default 'default' */
  readonly username?: string;
  readonly password: string;
}

/** As in `node:tls`. */
export type RedisTls = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized' | 'minVersion'
>;

export interface RedisOptions {
  /** `redis://user:password@host:port/database`, or `rediss:` for TLS. @default 'redis://localhost' */
  readonly url?: string;
  /** `host` or `host:port` of several servers, tried in turn; they replace the host of `url`. For a cluster: any of its nodes. */
  readonly hosts?: readonly string[];
  /** Replaces what `url` says. A function is asked for each connection: for credentials that change. */
  readonly credentials?: RedisCredentials | (() => RedisCredentials | Promise<RedisCredentials>);
  /** Replaces what `url` says; a cluster has only 0. @default 0 */
  readonly database?: number;
  /** TLS, with these settings. @default TLS exactly if the scheme is `rediss:` */
  readonly tls?: boolean | RedisTls;
  /** What every key of ours begins with. @default 'waybill:' */
  readonly keyPrefix?: string;
  /** A silent server counts as lost after one to two of these, in milliseconds: 500 to 60,000. @default 5000 */
  readonly heartbeatMs?: number;
  /** For one host to take a connection and end the handshake, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number;
  /** Shown by CLIENT LIST, with the role appended. @default 'waybill' */
  readonly connectionName?: string;
  /** Most bytes of body and headers of one message, 1 to 512 MiB (`proto-max-bulk-len`). @default 16 MiB */
  readonly maxMessageBytes?: number;
  /** A reader looks so often for messages that are due and for leases that ended, in milliseconds: 10 to 10,000. @default 250 */
  readonly pollMs?: number;
  /** For so long a second send with one id is dropped, in milliseconds, up to a day; each send costs a key for that time. @default 0: off */
  readonly dedupWindowMs?: number;
  /** Stream groups: a member that is silent for so long loses its partitions, in milliseconds: 1000 to 600,000. @default 6000 */
  readonly groupSessionMs?: number;
  /** Refuse a server that keeps less: `process` survives its kill, `os` a power loss. @default 'none' */
  readonly durability?: Durability;
}

export interface Host {
  readonly hostname: string;
  readonly port: number;
}

/** Options with everything decided. */
export interface Settings {
  readonly hosts: readonly [Host, ...Host[]];
  readonly credentials: () => RedisCredentials | undefined | Promise<RedisCredentials>;
  readonly database: number;
  readonly tls: RedisTls | undefined;
  readonly keyPrefix: string;
  readonly heartbeatMs: number;
  readonly connectTimeoutMs: number;
  readonly connectionName: string;
  readonly maxMessageBytes: number;
  readonly pollMs: number;
  readonly dedupWindowMs: number;
  readonly groupSessionMs: number;
  readonly durability: Durability;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isWithin = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && value >= least && value <= most && Number.isInteger(value);
const isCredentials = (value: unknown): boolean =>
  isObject(value) &&
  'password' in value &&
  isText(value.password) &&
  (!('username' in value) || value.username === undefined || isText(value.username));

const checks: OptionChecks<RedisOptions> = {
  url: ['a redis: or rediss: URL', isText],
  hosts: [
    'a list of "host" or "host:port"',
    (value) => Array.isArray(value) && value.length > 0 && value.every(isText),
  ],
  credentials: [
    '{ username, password } or a function that returns them',
    (value) => typeof value === 'function' || isCredentials(value),
  ],
  database: ['a whole number, 0 to 65535', (value) => isWithin(value, 0, 65_535)],
  tls: ['true, false or options of node:tls', (value) => typeof value === 'boolean' || isObject(value)],
  keyPrefix: ['text without { and }', (value) => typeof value === 'string' && !/[{}]/.test(value)],
  heartbeatMs: ['whole milliseconds, 500 to 60000', (value) => isWithin(value, 500, 60_000)],
  connectTimeoutMs: ['whole milliseconds, 100 to 600000', (value) => isWithin(value, 100, 600_000)],
  connectionName: ['a name without spaces', (value) => isText(value) && /^[!-~]+$/.test(value)],
  maxMessageBytes: ['a number of bytes, 1 to 536870912', (value) => isWithin(value, 1, 512 << 20)],
  pollMs: ['whole milliseconds, 10 to 10000', (value) => isWithin(value, 10, 10_000)],
  dedupWindowMs: ['whole milliseconds, 0 to 86400000', (value) => isWithin(value, 0, 86_400_000)],
  groupSessionMs: ['whole milliseconds, 1000 to 600000', (value) => isWithin(value, 1_000, 600_000)],
  durability: [
    durabilities.map((word) => JSON.stringify(word)).join(', '),
    (value) => durabilities.includes(value as Durability),
  ],
};

/** Throws `invalid`; no text ever holds a credential, nor the URL they came in. */
export function settingsOf(given: string | RedisOptions): Settings {
  const options = typeof given === 'string' ? { url: given } : given;
  checkOptions('redisStreams', options, checks);
  const url = readUrl(options.url ?? 'redis://localhost');
  const isTls = options.tls === undefined ? url.protocol === 'rediss:' : options.tls !== false;
  const [first, ...others] = (options.hosts ?? [url.host]).map(hostOf);
  const credentials = options.credentials ?? credentialsOf(url);
  return {
    hosts: [first ?? { hostname: 'localhost', port: defaultPort }, ...others],
    credentials: typeof credentials === 'function' ? credentials : () => credentials,
    database: options.database ?? databaseOf(url),
    tls: isTls ? (typeof options.tls === 'object' ? options.tls : {}) : undefined,
    keyPrefix: options.keyPrefix ?? 'waybill:',
    heartbeatMs: options.heartbeatMs ?? 5_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    connectionName: options.connectionName ?? 'waybill',
    maxMessageBytes: options.maxMessageBytes ?? 16 << 20,
    pollMs: options.pollMs ?? 250,
    dedupWindowMs: options.dedupWindowMs ?? 0,
    groupSessionMs: options.groupSessionMs ?? 6_000,
    durability: options.durability ?? 'none',
  };
}

const defaultPort = 6379;
function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if ((url?.protocol !== 'redis:' && url?.protocol !== 'rediss:') || url.hostname === '')
    throw new WaybillError(
      'invalid',
      'The URL of a Redis looks like redis://user:password@host:6379/0, or rediss: for TLS; this one cannot be read',
    );
  if (url.search !== '' || url.hash !== '')
    throw new WaybillError(
      'invalid',
      'The URL of a Redis takes no ?query and no #hash here; pass options to redisStreams({ url, ... }), and write %23 and %3F for # and ? in a password',
    );
  return url;
}

const decoded = (text: string): string => decodedUrlPart('The URL of a Redis', text);

const credentialsOf = ({ username, password }: URL): RedisCredentials | undefined =>
  username === '' && password === ''
    ? undefined
    : { ...(username !== '' && { username: decoded(username) }), password: decoded(password) };

function databaseOf({ pathname }: URL): number {
  const text = pathname.slice(1);
  if (/^\d{0,5}$/.test(text)) return Number(text);
  throw new WaybillError('invalid', 'The path of a Redis URL is the number of a database, such as /0');
}

function hostOf(text: string): Host {
  const url = URL.canParse(`redis://${text}`) ? new URL(`redis://${text}`) : undefined;
  if (url === undefined || url.host !== text)
    throw new WaybillError(
      'invalid',
      'The redisStreams option "hosts" wants "host" or "host:port", without scheme and credentials',
    );
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || defaultPort) };
}
