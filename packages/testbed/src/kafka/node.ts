import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../install/command.ts';
import type { Installation } from '../install/recipe.ts';
import type { Run } from '../process/run.ts';
import type { Credentials } from '../server.ts';
import { makeCertificates } from '../tls/certificates.ts';
import { javaArguments, javaEnvironment, javaProgram } from '../java.ts';
import type { KafkaOptions } from './kafka.ts';
import type { KafkaLine } from './lines.ts';
import { listenersOn, type Listeners } from './listeners.ts';
import { propertiesOf, scramMechanisms, type BrokerPlan } from './properties.ts';

/** One broker on disk: where its files are, and how it listens. */
export interface KafkaNode {
  readonly id: number;
  readonly line: KafkaLine;
  readonly run: Run;
  readonly libraries: string;
  readonly configurationFile: string;
  readonly log: string;
  readonly data: string;
  readonly listeners: Listeners;
  readonly user: Credentials | undefined;
  /** PEM. */
  readonly authority: string | undefined;
}

/** What the brokers of a cluster have in common. */
export interface Membership {
  readonly clusterId: string;
  readonly members: readonly Run[];
}

export async function writeKafkaNode(
  installation: Installation,
  run: Run,
  options: KafkaOptions,
  { clusterId, members }: Membership,
): Promise<KafkaNode> {
  const at = (file: string) => join(run.directory, file);
  const tls = options.tls ? tlsFiles(run.directory) : undefined;
  const listeners = listenersOn(run.ports, options);
  const plan: BrokerPlan = {
    id: members.indexOf(run) + 1,
    data: at('data'),
    listeners,
    controllerPorts: members.map(({ ports }) => ports[1] ?? 0),
    user: options.user,
    tls,
  };
  const settings = Object.entries({ ...propertiesOf(plan), ...options.configuration });
  const configurationFile = at('server.properties');
  // A backslash begins an escape in this format.
  const lines = settings.map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\')}\n`);
  writeFileSync(configurationFile, lines.join(''));
  const libraries = join(installation.location, 'lib');
  await format({ libraries, configurationFile, clusterId, user: options.user });
  return {
    id: plan.id,
    line: options.line,
    ...{ run, libraries, configurationFile, listeners },
    log: at('server.log'),
    data: plan.data,
    user: options.user,
    authority: tls?.certificates.authority,
  };
}

function tlsFiles(directory: string): NonNullable<BrokerPlan['tls']> {
  const certificates = makeCertificates(join(directory, 'tls'));
  const keyStore = join(directory, 'tls/server.keystore.pem');
  const parts = [certificates.keyFile, certificates.certificateFile].map((file) => readFileSync(file, 'utf8'));
  mkdirSync(join(directory, 'tls'), { recursive: true });
  writeFileSync(keyStore, parts.join(''), { mode: 0o600 });
  return { certificates, keyStore };
}

interface Formatting {
  readonly libraries: string;
  readonly configurationFile: string;
  readonly clusterId: string;
  readonly user: Credentials | undefined;
}

/** Makes the data directory; users of SCRAM are a part of the data from its beginning. */
async function format({ libraries, configurationFile, clusterId, user }: Formatting): Promise<void> {
  const users = (user ? scramMechanisms : []).flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${user?.name},password=${user?.password}]`,
  ]);
  await runCommand(
    javaProgram(),
    [
      ...javaArguments(libraries, 128),
      ...['kafka.tools.StorageTool', 'format', '--cluster-id', clusterId, '--config', configurationFile],
      ...users,
    ],
    { environment: javaEnvironment, timeoutMs: 60_000 },
  );
}
