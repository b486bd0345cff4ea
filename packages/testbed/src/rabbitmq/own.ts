import { join } from 'node:path';
import { ownServer } from '../process/own.ts';
import type { Run } from '../process/run.ts';
import type { Broker } from './broker.ts';
import type { RabbitmqLine } from './lines.ts';
import { epmdProgram, type Node } from './node.ts';
import { probeRabbitmq } from './probe.ts';
import { surface } from './surface.ts';

const nodes = new WeakMap<Broker, Node>();

/** The node behind a broker of our own; undefined for any other. */
export function ownNode(broker: Broker): Node | undefined {
  return nodes.get(broker);
}

/** A server of our own, with a name service (epmd) that outlives its kills. */
export async function ownBroker(line: RabbitmqLine, run: Run, node: Node): Promise<Broker> {
  const { directory, environment, ports, tree } = node;
  const output = join(directory, 'log/output.log');
  const shared = { environment, directory, logFile: output };
  const server = await ownServer({
    product: 'RabbitMQ',
    run,
    helper: { ...shared, command: epmdProgram(tree), arguments: ['-port', `${ports.epmd}`, '-address', '127.0.0.1'] },
    server: { ...shared, command: join(tree, 'usr/lib/rabbitmq/bin/rabbitmq-server'), arguments: [] },
    probe: () => answer(node),
    startTimeoutMs: 90_000,
    logs: [node.log, output],
  });
  const broker: Broker = Object.assign(server, surface(node), { line });
  nodes.set(broker, node);
  return broker;
}

/** The listeners open one after the other. */
async function answer(node: Node): Promise<string> {
  const { url, tls, managementUrl } = surface(node);
  const version = await probeRabbitmq(url, { timeoutMs: 1_000 });
  if (tls) await probeRabbitmq(tls.url, { timeoutMs: 1_000, authority: tls.authority });
  if (managementUrl) await (await fetch(managementUrl)).arrayBuffer();
  return version;
}
