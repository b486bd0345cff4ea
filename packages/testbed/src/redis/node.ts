import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Installation } from '../install/recipe.ts';
import type { Run } from '../process/run.ts';
import type { Credentials } from '../server.ts';
import { makeCertificates, type Certificates } from '../tls/certificates.ts';
import { redisPrograms, type RedisLine } from './lines.ts';
import type { RedisOptions, RedisUser } from './redis.ts';

/** One server on disk: where its files are, and how it listens. */
export interface RedisNode {
  readonly line: RedisLine;
  readonly run: Run;
  readonly server: string;
  readonly client: string;
  readonly configurationFile: string;
  readonly log: string;
  readonly data: string;
  readonly port: number;
  readonly tls: { readonly port: number; readonly certificates: Certificates } | undefined;
  readonly user: Credentials | undefined;
}

const everything = ['~*', '&*', '+@all'];

/** Takes ports of the run in this order: clients, TLS, and the others of a cluster. */
export function writeRedisNode(
  installation: Installation,
  run: Run,
  options: RedisOptions,
  isInCluster: boolean,
): RedisNode {
  const [port, tlsPort, clusterPort] = run.ports as [number, number, number];
  const at = (file: string) => join(run.directory, file);
  const programs = redisPrograms(options.line);
  const node: RedisNode = {
    line: options.line,
    run,
    server: join(installation.location, programs.server),
    client: join(installation.location, programs.client),
    configurationFile: at('server.conf'),
    log: at('server.log'),
    data: at('data'),
    port,
    tls: options.tls ? { port: tlsPort, certificates: makeCertificates(at('tls')) } : undefined,
    user: options.user,
  };
  mkdirSync(node.data);
  writeFileSync(at('users.acl'), usersOf(options.user));
  const settings = {
    ...settingsOf(node, at('users.acl')),
    ...(isInCluster && clusterSettings(clusterPort)),
    ...options.configuration,
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} ${value}\n`);
  writeFileSync(node.configurationFile, lines.join(''));
  return node;
}

/** The password as its hash: the plain one could hold what separates the rules of a file. */
export function rulesOf({ password, rules = everything }: RedisUser): string[] {
  return ['reset', 'on', `#${createHash('sha256').update(password).digest('hex')}`, ...rules];
}

function usersOf(user: Credentials | undefined): string {
  if (user === undefined) return `user default on nopass ${everything.join(' ')}\n`;
  // Loading its log, a Redis up to 8.0 drops transactions and scripts that the default user has no right to, also when
  // nobody may log in as that user (https://github.com/redis/redis/issues/14541).
  return `user default off ${everything.join(' ')}\nuser ${user.name} ${rulesOf(user).slice(1).join(' ')}\n`;
}

function settingsOf({ port, tls, data, log }: RedisNode, usersFile: string): Record<string, string> {
  return {
    port: `${port}`,
    bind: '127.0.0.1',
    dir: `"${data}"`,
    logfile: `"${log}"`,
    aclfile: `"${usersFile}"`,
    daemonize: 'no',
    save: '""',
    appendonly: 'yes',
    // Written before each answer. With "everysec" a write can be answered and still be held back, and die with the process.
    appendfsync: 'always',
    ...(tls && {
      'tls-port': `${tls.port}`,
      'tls-cert-file': `"${tls.certificates.certificateFile}"`,
      'tls-key-file': `"${tls.certificates.keyFile}"`,
      'tls-ca-cert-file': `"${tls.certificates.authorityFile}"`,
      'tls-auth-clients': 'no',
    }),
  };
}

/** The default port of the others is 10,000 above the one of clients, where the kernel picks its own. */
function clusterSettings(port: number): Record<string, string> {
  return {
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': '2000',
    'cluster-require-full-coverage': 'no',
    'cluster-port': `${port}`,
  };
}
