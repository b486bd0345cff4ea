import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { Installation } from '../install/recipe.ts';
import type { Certificates } from '../tls/certificates.ts';

/** One node on disk: where its files are and how its programs are called. */
export interface Node {
  readonly directory: string;
  readonly tree: string;
  readonly log: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly ports: NodePorts;
}

interface NodePorts {
  readonly amqp: number;
  readonly distribution: number;
  readonly epmd: number;
  readonly tls?: number;
  readonly management?: number;
}

export interface NodePlan {
  readonly installation: Installation;
  readonly directory: string;
  readonly ports: NodePorts;
  readonly certificates: Certificates | undefined;
  readonly configuration: Readonly<Record<string, string>>;
}

const nodeName = 'waybill@localhost';

export function writeNode(plan: NodePlan): Node {
  const { directory, ports } = plan;
  for (const part of ['home', 'log', 'data']) mkdirSync(join(directory, part), { recursive: true });
  const cookie = join(directory, 'home/.erlang.cookie');
  writeFileSync(cookie, randomBytes(16).toString('hex'));
  chmodSync(cookie, 0o400);
  writeFileSync(join(directory, 'enabled_plugins'), `[${ports.management ? 'rabbitmq_management' : ''}].\n`);
  const settings = Object.entries({ ...settingsOf(plan), ...plan.configuration });
  writeFileSync(join(directory, 'rabbitmq.conf'), settings.map(([key, value]) => `${key} = ${value}\n`).join(''));
  return {
    directory,
    tree: plan.installation.location,
    log: join(directory, 'log', `${nodeName}.log`),
    environment: environmentOf(plan),
    ports,
  };
}

function settingsOf({ ports, certificates }: NodePlan): Record<string, string> {
  return {
    'listeners.tcp.1': `127.0.0.1:${ports.amqp}`,
    'log.console': 'false',
    ...(ports.management && { 'management.tcp.ip': '127.0.0.1', 'management.tcp.port': `${ports.management}` }),
    ...(ports.tls &&
      certificates && {
        'listeners.ssl.1': `127.0.0.1:${ports.tls}`,
        'ssl_options.cacertfile': certificates.authorityFile,
        'ssl_options.certfile': certificates.certificateFile,
        'ssl_options.keyfile': certificates.keyFile,
        'ssl_options.verify': 'verify_none',
        'ssl_options.fail_if_no_peer_cert': 'false',
      }),
  };
}

/** A fixed environment: what the caller has set for servers of its own must not leak in. */
function environmentOf({ installation, directory, ports }: NodePlan): NodeJS.ProcessEnv {
  return {
    PATH: `${installation.location}/usr/lib/erlang/bin:/usr/local/bin:/usr/bin:/bin`,
    HOME: join(directory, 'home'),
    LANG: 'C.UTF-8',
    ERL_EPMD_PORT: `${ports.epmd}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_DIST_PORT: `${ports.distribution}`,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CTL_ERL_ARGS: '-dist_listen false',
    // Several servers share few cores here; schedulers that are bound to a core would get in each other's way.
    RABBITMQ_SCHEDULER_BIND_TYPE: 'u',
    RABBITMQ_MNESIA_BASE: join(directory, 'data'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    // Otherwise the start script stays as the parent, and signals reach it instead of the server.
    RUNNING_UNDER_SYSTEMD: '1',
  };
}

export function epmdProgram(tree: string): string {
  return (
    globSync('usr/lib/erlang/erts-*/bin/epmd', { cwd: tree }).map((path) => join(tree, path))[0] ?? join(tree, 'epmd')
  );
}
