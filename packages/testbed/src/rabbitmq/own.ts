import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestbedError } from '../errors.ts';
import { startProcess, type ManagedProcess } from '../process/managed.ts';
import type { Run } from '../process/run.ts';
import { waitFor } from '../wait.ts';
import type { Broker } from './broker.ts';
import type { RabbitmqLine } from './lines.ts';
import { epmdProgram, type Node } from './node.ts';
import { probeRabbitmq } from './probe.ts';
import { surface } from './surface.ts';

const startTimeoutMs = 90_000;

const nodes = new WeakMap<Broker, Node>();

/** The node behind a broker of our own; undefined for any other. */
export function ownNode(broker: Broker): Node | undefined {
  return nodes.get(broker);
}

/** A server of our own: two processes, of which the name service (epmd) outlives the kills of the other. */
export async function ownBroker(line: RabbitmqLine, run: Run, node: Node): Promise<Broker> {
  let processes = await startProcesses(run, node);
  const version = await ready(processes.server, node).catch(async (error: unknown) => {
    await endProcesses(processes);
    throw error;
  });
  const stop = async () => {
    await processes.server.stop();
    await processes.names.stop();
  };
  const broker: Broker = {
    ...surface(node),
    line,
    version,
    controls: 'process',
    get pid() {
      return processes.server.pid;
    },
    get exited() {
      return processes.server.exited;
    },
    stop,
    async kill() {
      await processes.server.kill();
    },
    async restart() {
      await stop();
      processes = await startProcesses(run, node);
      await ready(processes.server, node);
    },
    async pause() {
      processes.server.pause();
    },
    async resume() {
      processes.server.resume();
    },
    async [Symbol.asyncDispose]() {
      await endProcesses(processes);
      run.remove();
    },
  };
  nodes.set(broker, node);
  return broker;
}

interface Processes {
  readonly names: ManagedProcess;
  readonly server: ManagedProcess;
}

async function startProcesses(run: Run, node: Node): Promise<Processes> {
  const { directory, environment, ports, tree } = node;
  const shared = { environment, directory, logFile: outputFile(node) };
  const names = await startProcess({
    ...shared,
    command: epmdProgram(tree),
    arguments: ['-port', `${ports.epmd}`, '-address', '127.0.0.1'],
  });
  run.record(names.pid);
  const server = await startProcess({
    ...shared,
    command: join(tree, 'usr/lib/rabbitmq/bin/rabbitmq-server'),
    arguments: [],
  });
  run.record(server.pid);
  return { names, server };
}

async function endProcesses({ names, server }: Processes): Promise<void> {
  for (const each of [server, names]) if (each.isRunning) await each.kill();
}

/** Resolves with the version once every listener answers; a server that gives up ends the wait at once. */
async function ready(server: ManagedProcess, node: Node): Promise<string> {
  const ask = async () => {
    if (!server.isRunning) throw new TestbedError('it ended');
    return answer(node).catch(() => undefined);
  };
  const what = `an answer on port ${node.ports.amqp}`;
  return waitFor(what, ask, { timeoutMs: startTimeoutMs }).catch((error: Error) => {
    throw new TestbedError(
      `RabbitMQ did not start: ${error.message}; the end of its log (${node.log}):\n${logTail(node)}`,
      { cause: error },
    );
  });
}

/** The listeners open one after the other. */
async function answer(node: Node): Promise<string> {
  const { url, tls, managementUrl } = surface(node);
  const version = await probeRabbitmq(url, { timeoutMs: 1_000 });
  if (tls) await probeRabbitmq(tls.url, { timeoutMs: 1_000, authority: tls.authority });
  if (managementUrl) await (await fetch(managementUrl)).arrayBuffer();
  return version;
}

function logTail(node: Node): string {
  return [node.log, outputFile(node)].map((file) => lastLines(file, 15)).join('\n');
}

function outputFile(node: Node): string {
  return join(node.directory, 'log/output.log');
}

function lastLines(file: string, count: number): string {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').slice(-count).join('\n');
  } catch {
    return `(no ${file})`;
  }
}
