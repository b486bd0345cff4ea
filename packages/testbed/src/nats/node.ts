import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Installation } from '../install/recipe.ts';
import type { Run } from '../process/run.ts';
import type { Credentials } from '../server.ts';
import { makeCertificates, type Certificates } from '../tls/certificates.ts';
import { natsProgram, type NatsLine } from './lines.ts';
import type { NatsOptions } from './nats.ts';

/** One server on disk: where its files are, and how it listens. */
export interface NatsNode {
  readonly line: NatsLine;
  readonly run: Run;
  readonly program: string;
  readonly configurationFile: string;
  readonly log: string;
  readonly data: string;
  readonly port: number;
  readonly monitoringPort: number;
  readonly leafPort: number | undefined;
  readonly certificates: Certificates | undefined;
  readonly user: Credentials | undefined;
}

type Settings = Readonly<Record<string, unknown>>;

/** `members`: the runs of a whole cluster. Takes ports of the run in this order: clients, monitoring, other members or leaves. */
export function writeNatsNode(
  installation: Installation,
  run: Run,
  options: NatsOptions,
  members: readonly Run[] = [],
): NatsNode {
  const [port, monitoringPort] = run.ports as [number, number];
  const at = (file: string) => join(run.directory, file);
  const node: NatsNode = {
    line: options.line,
    run,
    program: join(installation.location, natsProgram),
    configurationFile: at('server.conf'),
    log: at('server.log'),
    data: at('data'),
    port,
    monitoringPort,
    leafPort: options.takesLeaves ? run.ports[2] : undefined,
    certificates: options.tls ? makeCertificates(at('tls')) : undefined,
    user: options.user,
  };
  const own: Settings = { ...settingsOf(node), ...(members.length > 0 && clusterSettings(run, members)) };
  const { jetstream, ...further } = options.configuration ?? {};
  const settings = { ...own, ...further, jetstream: { ...jetstreamSettings(node), ...(jetstream as Settings) } };
  // The server's own format takes JSON as it is.
  writeFileSync(node.configurationFile, JSON.stringify(settings, undefined, 2));
  return node;
}

function settingsOf({ port, monitoringPort, leafPort, log, certificates, user, run }: NatsNode): Settings {
  return {
    server_name: `waybill-${port}`,
    listen: `127.0.0.1:${port}`,
    http: `127.0.0.1:${monitoringPort}`,
    log_file: log,
    pid_file: join(run.directory, 'server.pid'),
    ...(leafPort !== undefined && { leafnodes: { listen: `127.0.0.1:${leafPort}` } }),
    ...(user && { authorization: { user: user.name, password: user.password } }),
    ...(certificates && { tls: { cert_file: certificates.certificateFile, key_file: certificates.keyFile } }),
  };
}

function jetstreamSettings({ data, line }: NatsNode): Settings {
  return {
    store_dir: data,
    max_memory_store: 256 * 1024 * 1024,
    max_file_store: 2 * 1024 * 1024 * 1024,
    ...(line !== '2.9' && { sync_interval: 'always' }),
  };
}

/** Members do not tell clients of each other: a client behind a proxy would go past it. */
function clusterSettings(run: Run, members: readonly Run[]): Settings {
  const addressOf = ({ ports }: Run) => `127.0.0.1:${ports[2]}`;
  return {
    cluster: {
      name: 'waybill',
      listen: addressOf(run),
      no_advertise: true,
      routes: members.map((member) => `nats://${addressOf(member)}`),
    },
  };
}
