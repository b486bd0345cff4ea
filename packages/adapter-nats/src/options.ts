import type { ConnectionOptions } from 'node:tls';
import { checkOptions, decodedUrlPart, type OptionChecks, WaybillError } from '@waybill/core/driver';
import { authenticatorOf, credentialForms, isCredentials, type NatsCredentials } from './credentials.ts';

/** As in `node:tls`. */
export type NatsTls = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized' | 'minVersion'
> & {
  /** TLS before the server's first word, for servers with `handshake_first`. @default false */
  readonly handshakeFirst?: boolean;
};

export interface NatsOptions {
  /** `nats://user:password@host:port`, `nats://token@host:port,host:port`, or `nats+tls:` for TLS. @default 'nats://localhost' */
  readonly url?: string;
  /** `host` or `host:port` of several servers of one cluster, tried in turn; they replace the host of `url`. */
  readonly hosts?: readonly string[];
  /** Replaces what `url` says. A function is asked for each connection: for credentials that change. */
  readonly credentials?: NatsCredentials | (() => NatsCredentials | Promise<NatsCredentials>);
  /** TLS, with these settings. A server that wants TLS gets it either way. @default TLS must be there exactly if the scheme is `nats+tls:` */
  readonly tls?: boolean | NatsTls;
  /** A silent server counts as lost after two to three of these, in milliseconds: 500 to 120,000. @default 5000 */
  readonly pingIntervalMs?: number;
  /** For one server to take a connection and end the handshake, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number;
  /** For JetStream to confirm a message or answer a question, in milliseconds; then the outcome is unknown. @default 5000 */
  readonly answerTimeoutMs?: number;
  /**
   * The longest lease that is asked for, in milliseconds: 500 to 3,600,000. What a lost connection took with it comes
   * again when it is over; a handler that blocks the event loop for two thirds of it loses its messages. @default 10000
   */
  readonly maxLeaseMs?: number;
  /** Shown in the server's monitoring. @default 'waybill' */
  readonly connectionName?: string;
  /** JetStream domain. @default that of the account */
  readonly domain?: string;
  /** Of the subjects that answers come to, where permissions want one. @default '_INBOX' */
  readonly inboxPrefix?: string;
  /** Servers that keep each message of a place that is made: 1 to 5. @default 1 */
  readonly replicas?: number;
  /** How long a place that is made remembers send ids, to drop a second send, in milliseconds: 100 to 86,400,000. @default 120000 */
  readonly duplicateWindowMs?: number;
}

/** Options with everything decided. */
export interface Settings {
  readonly hosts: readonly [string, ...string[]];
  readonly credentials: () => NatsCredentials | undefined | Promise<NatsCredentials>;
  readonly tls: NatsTls | undefined;
  readonly pingIntervalMs: number;
  readonly connectTimeoutMs: number;
  readonly answerTimeoutMs: number;
  readonly maxLeaseMs: number;
  readonly connectionName: string;
  readonly domain: string | undefined;
  readonly inboxPrefix: string;
  readonly replicas: number;
  readonly duplicateWindowMs: number;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
const isWithin = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && value >= least && value <= most;

const checks: OptionChecks<NatsOptions> = {
  url: ['a nats: or nats+tls: URL', isText],
  hosts: [
    'a list of "host" or "host:port"',
    (value) => Array.isArray(value) && value.length > 0 && value.every(isText),
  ],
  credentials: [
    `${credentialForms}, or a function that returns one of them`,
    (value) => typeof value === 'function' || isCredentials(value),
  ],
  tls: ['true, false or options of node:tls', (value) => typeof value === 'boolean' || isObject(value)],
  pingIntervalMs: ['milliseconds, 500 to 120000', (value) => isWithin(value, 500, 120_000)],
  connectTimeoutMs: ['milliseconds, 100 to 600000', (value) => isWithin(value, 100, 600_000)],
  answerTimeoutMs: ['milliseconds, 100 to 600000', (value) => isWithin(value, 100, 600_000)],
  maxLeaseMs: ['milliseconds, 500 to 3600000', (value) => isWithin(value, 500, 3_600_000)],
  connectionName: ['a name', isText],
  domain: ['the name of a JetStream domain', (value) => isText(value) && /^[\w-]+$/.test(value)],
  inboxPrefix: ['a subject without wildcards', (value) => isText(value) && /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(value)],
  replicas: ['a whole number, 1 to 5', (value) => Number.isInteger(value) && isWithin(value, 1, 5)],
  duplicateWindowMs: ['milliseconds, 100 to 86400000', (value) => isWithin(value, 100, 86_400_000)],
};

/** Throws `invalid`; no text ever holds a credential, nor the URL they came in. */
export function settingsOf(given: string | NatsOptions): Settings {
  const options = typeof given === 'string' ? { url: given } : given;
  checkOptions('nats', options, checks);
  const { url, hosts } = readUrl(options.url ?? 'nats://localhost');
  const isTls = options.tls === undefined ? url.protocol === 'nats+tls:' : options.tls !== false;
  const [first, ...others] = (options.hosts ?? hosts).map(hostOf);
  const { credentials = credentialsOf(url) } = options;
  if (typeof credentials === 'object') authenticatorOf(credentials);
  return {
    hosts: [first ?? 'localhost:4222', ...others],
    credentials: typeof credentials === 'function' ? credentials : () => credentials,
    tls: isTls ? (typeof options.tls === 'object' ? options.tls : {}) : undefined,
    pingIntervalMs: options.pingIntervalMs ?? 5_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    answerTimeoutMs: options.answerTimeoutMs ?? 5_000,
    maxLeaseMs: options.maxLeaseMs ?? 10_000,
    connectionName: options.connectionName ?? 'waybill',
    domain: options.domain,
    inboxPrefix: options.inboxPrefix ?? '_INBOX',
    replicas: options.replicas ?? 1,
    duplicateWindowMs: options.duplicateWindowMs ?? 120_000,
  };
}

/** Several hosts of one cluster may stand in a URL, split by commas, which no standard knows. */
function readUrl(text: string): { readonly url: URL; readonly hosts: readonly string[] } {
  const [, before = text, listed = '', after = ''] = /^([^/]*\/\/(?:[^@/]*@)?)([^/?#]*)(.*)$/s.exec(text) ?? [];
  const hosts = listed.split(',');
  const plain = `${before}${hosts[0]}${after}`;
  const url = URL.canParse(plain) ? new URL(plain) : undefined;
  if (url === undefined || !['nats:', 'nats+tls:'].includes(url.protocol) || url.host === '')
    throw new WaybillError(
      'invalid',
      'The URL of a NATS server looks like nats://user:password@host:4222, or nats+tls: for TLS; this one cannot be read',
    );
  if (url.search !== '' || url.hash !== '' || !['', '/'].includes(url.pathname))
    throw new WaybillError(
      'invalid',
      'The URL of a NATS server takes no path, no ?query and no #hash; pass options to nats({ url, ... }), and write %2F, %23 and %3F for /, # and ? in a password',
    );
  return { url, hosts };
}

/** A lone user name is a token, as the clients of NATS read it. */
function credentialsOf({ username, password }: URL): NatsCredentials | undefined {
  if (username === '') return undefined;
  return password === '' ? { token: decoded(username) } : { username: decoded(username), password: decoded(password) };
}

function hostOf(text: string): string {
  // Only a special scheme normalises the host; `nats:` would take nearly anything.
  const url = URL.canParse(`http://${text}`) ? new URL(`http://${text}`) : undefined;
  if (url === undefined || url.pathname !== '/' || url.username !== '' || url.search !== '' || !/^[^/@?#]+$/.test(text))
    throw new WaybillError(
      'invalid',
      'The nats option "hosts" wants "host" or "host:port", without scheme and credentials',
    );
  return /:\d+$/.test(text) ? text : `${text}:4222`;
}

const decoded = (text: string): string => decodedUrlPart('The URL of a NATS server', text);
