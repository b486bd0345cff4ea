import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestbedError } from '../errors.ts';
import { runCommand } from '../install/command.ts';
import { startProcess, type ManagedProcess } from '../process/managed.ts';
import type { Run } from '../process/run.ts';
import { waitFor } from '../wait.ts';
import type { Broker, User } from './broker.ts';
import type { RabbitmqLine } from './lines.ts';
import { epmdProgram, type Node } from './node.ts';
import { probeRabbitmq } from './probe.ts';

const startTimeoutMs = 90_000;

/** A server of our own: two processes, of which the name service (epmd) outlives the kills of the other. */
export async function ownBroker(line: RabbitmqLine, run: Run, node: Node): Promise<Broker> {
  const url = `amqp://guest:guest@127.0.0.1:${node.ports.amqp}`;
  const control = async (...commandArguments: readonly string[]) =>
    runCommand(join(node.tree, 'usr/lib/rabbitmq/bin/rabbitmqctl'), ['--quiet', ...commandArguments], {
      environment: node.environment,
      timeoutMs: 60_000,
    });
  let processes = await startProcesses(run, node);
  const version = await ready(processes.server, node, url).catch(async (error: unknown) => {
    await endProcesses(processes);
    throw error;
  });

  const stop = async () => {
    await processes.server.stop();
    await processes.names.stop();
  };
  const { amqp, tls, management } = node.ports;
  return {
    url,
    line,
    version,
    controls: 'process',
    get pid() {
      return processes.server.pid;
    },
    ports: { amqp, ...(tls && { tls }), ...(management && { management }) },
    log: node.log,
    data: join(node.directory, 'data'),
    tls: tls === undefined ? undefined : tlsOf(tls, join(node.directory, 'tls/authority.pem')),
    managementUrl: management === undefined ? undefined : `http://127.0.0.1:${management}`,
    stop,
    async kill() {
      await processes.server.kill();
    },
    async restart() {
      await stop();
      processes = await startProcesses(run, node);
      await ready(processes.server, node, url);
    },
    async pause() {
      processes.server.pause();
    },
    async resume() {
      processes.server.resume();
    },
    control,
    async addUser(user) {
      await addUser(control, user);
      return `amqp://${encodeURIComponent(user.name)}:${encodeURIComponent(user.password)}@127.0.0.1:${amqp}`;
    },
    async setAlarm(resource, state) {
      await control(...alarmCommands[resource][state]);
    },
    async [Symbol.asyncDispose]() {
      await endProcesses(processes);
      run.remove();
    },
  };
}

interface Processes {
  readonly names: ManagedProcess;
  readonly server: ManagedProcess;
}

async function startProcesses(run: Run, node: Node): Promise<Processes> {
  const { directory, environment, ports, tree } = node;
  const shared = { environment, directory, logFile: join(directory, 'log/output.log') };
  const names = await startProcess({
    ...shared,
    command: epmdProgram(tree),
    arguments: ['-port', `${ports.epmd}`, '-address', '127.0.0.1'],
  });
  run.record(names.pid);
  const server = await startProcess({ ...shared, command: join(tree, 'usr/lib/rabbitmq/bin/rabbitmq-server'), arguments: [] });
  run.record(server.pid);
  return { names, server };
}

async function endProcesses({ names, server }: Processes): Promise<void> {
  for (const each of [server, names]) if (each.isRunning) await each.kill();
}

/** Resolves with the version once the AMQP listener answers; a server that gives up ends the wait at once. */
async function ready(server: ManagedProcess, node: Node, url: string): Promise<string> {
  const ask = async () => {
    if (!server.isRunning) throw new TestbedError('it ended');
    return probeRabbitmq(url, 1_000).catch(() => undefined);
  };
  return waitFor(`RabbitMQ to answer on port ${node.ports.amqp}`, ask, { timeoutMs: startTimeoutMs }).catch((error: Error) => {
    throw new TestbedError(`RabbitMQ did not start: ${error.message}; the end of its log (${node.log}):\n${logTail(node)}`, { cause: error });
  });
}

function logTail(node: Node): string {
  return [node.log, join(node.directory, 'log/output.log')]
    .map((file) => {
      try {
        return readFileSync(file, 'utf8').trim().split('\n').slice(-15).join('\n');
      } catch {
        return `(no ${file})`;
      }
    })
    .join('\n');
}

function tlsOf(port: number, authorityFile: string) {
  return {
    url: `amqps://guest:guest@localhost:${port}`,
    mismatchedUrl: `amqps://guest:guest@127.0.0.1:${port}`,
    authority: readFileSync(authorityFile, 'utf8'),
  };
}

async function addUser(control: Broker['control'], { name, password, configure = '.*', write = '.*', read = '.*' }: User): Promise<void> {
  await control('add_user', name, password);
  await control('set_permissions', '-p', '/', name, configure, write, read);
}

/** "Off" is the default of the server. The disk limit takes plain bytes only. */
const alarmCommands = {
  memory: { on: ['set_vm_memory_high_watermark', '0'], off: ['set_vm_memory_high_watermark', '0.6'] },
  disk: { on: ['set_disk_free_limit', '9000000000000'], off: ['set_disk_free_limit', '50000000'] },
} as const;
