import type { ConnectionOptions } from 'node:tls';
import { checkOptions, decodedUrlPart, type OptionChecks, WaybillError } from '@waybill/core/driver';

export interface KafkaCredentials {
  readonly username: string;
  readonly password: string;
}

/** As in `node:tls`. */
export type KafkaTls = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized' | 'minVersion'
>;

export interface Host {
  readonly hostname: string;
  readonly port: number;
}

export interface KafkaOptions {
  /** `kafka://user:password@host:port,host:port`, or `kafka+tls:`; options of text and numbers may follow as `?name=value`. @default 'kafka://localhost:9092' */
  readonly url?: string;
  /** `host` or `host:port` of brokers, asked in turn for the others; they replace the hosts of `url`. */
  readonly hosts?: readonly string[];
  /** Replaces what `url` says. A function is asked for each connection. @default none: no authentication */
  readonly credentials?: KafkaCredentials | (() => KafkaCredentials | Promise<KafkaCredentials>);
  /** SASL, where there are credentials. @default 'plain' */
  readonly mechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  /** TLS, with these settings. @default TLS exactly if the scheme is `kafka+tls:` */
  readonly tls?: boolean | KafkaTls;
  /** The client library. kafkajs runs on Node 20 too, and has to be installed. @default 'platformatic' */
  readonly client?: Client;
  /** Shown in the broker's logs and quotas. @default 'waybill' */
  readonly clientId?: string;
  /** For one broker to take a connection, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number;
  /** A broker that leaves a request open so long counts as lost, in milliseconds. @default 10000 */
  readonly requestTimeoutMs?: number;
  /** After so long without a sign of life a member's partitions go to others, in milliseconds; the broker allows 6000 and more. @default 10000 */
  readonly sessionTimeoutMs?: number;
  /** Handlers may go on so long with partitions that are taken away, in milliseconds, at most half of it. @default 60000 */
  readonly rebalanceTimeoutMs?: number;
  /** Exactly-once: a transaction whose process died keeps its readers waiting so long, and up to ten seconds more, in milliseconds; the broker allows up to its `transaction.max.timeout.ms`. @default 10000 */
  readonly transactionTimeoutMs?: number;
  /** Of what is produced. @default 'none' */
  readonly compression?: Compression;
  /** The broker drops a repetition of a request whose answer was lost. @default true */
  readonly idempotent?: boolean;
  /**
   * How queues without order are consumed: through groups that own partitions, or through share groups (Kafka 4.2), which
   * settle each message on its own and have no bound on consumers. See the README before you change it. @default 'groups'
   */
  readonly queues?: 'groups' | 'share-groups';
  /** Of topics that are made, unless the destination says more. @default 6 */
  readonly partitions?: number;
  /** Of topics that are made, unless the destination says more. @default the broker's */
  readonly replicationFactor?: number;
}
export type Client = 'platformatic' | 'kafkajs';
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** Options with everything decided. */
export interface Settings extends Required<
  Pick<
    KafkaOptions,
    | 'client'
    | 'mechanism'
    | 'clientId'
    | 'connectTimeoutMs'
    | 'requestTimeoutMs'
    | 'sessionTimeoutMs'
    | 'rebalanceTimeoutMs'
    | 'transactionTimeoutMs'
    | 'compression'
    | 'idempotent'
    | 'queues'
    | 'partitions'
  >
> {
  readonly hosts: readonly Host[];
  readonly credentials: (() => KafkaCredentials | Promise<KafkaCredentials>) | undefined;
  readonly tls: KafkaTls | undefined;
  readonly replicationFactor: number | undefined;
}

const defaults = {
  client: 'platformatic',
  mechanism: 'plain',
  clientId: 'waybill',
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 10_000,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 60_000,
  transactionTimeoutMs: 10_000,
  compression: 'none',
  idempotent: true,
  queues: 'groups',
  partitions: 6,
} as const;

type Check = readonly [wants: string, holds: (value: unknown) => boolean];
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isCredentials = (value: unknown): boolean =>
  isObject(value) && 'username' in value && isText(value.username) && 'password' in value && isText(value.password);
const whole = (unit: string, least: number, most: number): Check => [
  `${unit}, ${least} to ${most}`,
  (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
];
const oneOf = (...words: readonly string[]): Check => [words.join(', '), (value) => words.includes(value as string)];

/** Each option: what it wants, and whether it has it. */
const checks: OptionChecks<KafkaOptions> = {
  url: ['a kafka: or kafka+tls: URL', isText],
  hosts: [
    'a list of "host" or "host:port"',
    (value) => Array.isArray(value) && value.length > 0 && value.every(isText),
  ],
  credentials: [
    '{ username, password } or a function that returns them',
    (value) => typeof value === 'function' || isCredentials(value),
  ],
  mechanism: oneOf('plain', 'scram-sha-256', 'scram-sha-512'),
  tls: ['true, false or options of node:tls', (value) => typeof value === 'boolean' || isObject(value)],
  client: oneOf('platformatic', 'kafkajs'),
  clientId: ['a name', isText],
  connectTimeoutMs: whole('milliseconds', 100, 600_000),
  requestTimeoutMs: whole('milliseconds', 1_000, 600_000),
  sessionTimeoutMs: whole('milliseconds', 1_000, 1_800_000),
  rebalanceTimeoutMs: whole('milliseconds', 1_000, 1_800_000),
  transactionTimeoutMs: whole('milliseconds', 1_000, 900_000),
  compression: oneOf('none', 'gzip', 'snappy', 'lz4', 'zstd'),
  idempotent: ['true or false', (value) => typeof value === 'boolean'],
  queues: oneOf('groups', 'share-groups'),
  partitions: whole('a number', 1, 10_000),
  replicationFactor: whole('a number', 1, 100),
};

/** Throws `invalid`; no text ever holds a credential, nor the URL they came in. */
export function settingsOf(given: string | KafkaOptions): Settings {
  const said = typeof given === 'string' ? { url: given } : given;
  checkOptions('kafka', said, checks);
  const { url, hosts } = readUrl(said.url ?? 'kafka://localhost');
  const options: KafkaOptions = { ...queryOf(url), ...said };
  checkOptions('kafka', options, checks);
  const isTls = options.tls === undefined ? url.protocol === 'kafka+tls:' : options.tls !== false;
  const credentials = options.credentials ?? credentialsOf(url);
  const rest: Partial<Settings> = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, options[name as keyof KafkaOptions] ?? value]),
  );
  return {
    ...defaults,
    ...rest,
    hosts: (options.hosts ?? hosts).map(hostOf),
    credentials: typeof credentials === 'object' ? () => credentials : credentials,
    tls: isTls ? (typeof options.tls === 'object' ? options.tls : {}) : undefined,
    replicationFactor: options.replicationFactor,
  };
}

const urlParts = /^(kafka(?:\+tls)?:\/\/(?:[^@/?#]*@)?)([^@/?#]+)(\/?(?:\?[^#]*)?)$/;

/** Several hosts are no URL to Node: the rest is read with the first of them. */
function readUrl(text: string): { readonly url: URL; readonly hosts: readonly string[] } {
  const [, before = '', hosts = '', after = ''] = urlParts.exec(text) ?? [];
  const [first = '', ...others] = hosts.split(',');
  const whole = `${before}${first}${after}`;
  if (URL.canParse(whole)) return { url: new URL(whole), hosts: [first, ...others] };
  throw new WaybillError(
    'invalid',
    'The URL of a Kafka looks like kafka://user:password@host:9092,host:9092?option=value, or kafka+tls: for TLS; this one cannot be read. Write %23, %2F, %3F and %40 for # / ? @ in a password',
  );
}

/** Options in the query of a URL, for programs that only have a URL. Numbers are read as numbers. */
const queryOf = (url: URL): KafkaOptions =>
  Object.fromEntries(
    [...url.searchParams].map(([name, value]) => [name, /^\d+$/.test(value) ? Number(value) : wordOf(value)]),
  );
const wordOf = (value: string): string | boolean => (value === 'true' || value === 'false' ? value === 'true' : value);

const credentialsOf = ({ username, password }: URL): KafkaCredentials | undefined =>
  username === '' && password === '' ? undefined : { username: decoded(username), password: decoded(password) };

function hostOf(text: string): Host {
  const url = URL.canParse(`kafka://${text}`) ? new URL(`kafka://${text}`) : undefined;
  if (url === undefined || url.host !== text)
    throw new WaybillError(
      'invalid',
      `"${text}" is no broker: write "host" or "host:port", without scheme and credentials`,
    );
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 9092) };
}

const decoded = (text: string): string => decodedUrlPart('The URL of a Kafka', text);
