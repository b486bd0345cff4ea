import { urlOf } from '../addresses.ts';
import { ownServer } from '../process/own.ts';
import type { ServerTls } from '../server.ts';
import { javaArguments, javaEnvironment, javaProgram } from '../java.ts';
import type { KafkaBroker, KafkaTool } from './kafka.ts';
import type { KafkaNode } from './node.ts';
import { knownBrokers, probeKafka } from './probe.ts';
import { runTool } from './tools.ts';

const maximumHeapMegabytes = 512;

export async function ownKafka(node: KafkaNode): Promise<KafkaBroker> {
  const { run, line, log, data, libraries, listeners, user } = node;
  const { port } = listeners.clients;
  const tls = tlsOf(node);
  const server = await ownServer({
    product: 'Kafka',
    run,
    server: {
      command: javaProgram(),
      arguments: [...javaArguments(libraries, maximumHeapMegabytes), 'kafka.Kafka', node.configurationFile],
      environment: javaEnvironment,
      directory: run.directory,
      logFile: log,
    },
    probe: () => versionOf(node, tls),
    startTimeoutMs: 90_000,
    logs: [log],
  });
  const control = async (tool: KafkaTool, ...toolArguments: readonly string[]) =>
    runTool(libraries, listeners.internal.port, tool, toolArguments);
  return Object.assign(server, {
    ...{ line, port, log, data, tls, control },
    url: urlOf('kafka', `127.0.0.1:${port}`, user),
  });
}

/** Listeners answer before the broker takes part in its cluster. */
async function versionOf({ id, listeners }: KafkaNode, tls: ServerTls | undefined): Promise<string> {
  const internal = `kafka://127.0.0.1:${listeners.internal.port}`;
  const known = await knownBrokers(internal, { timeoutMs: 1_000 });
  if (!known.includes(id)) throw new Error('the broker does not take part in its cluster yet');
  if (tls) await probeKafka(tls.url, { timeoutMs: 2_000, authority: tls.authority });
  return probeKafka(internal, { timeoutMs: 1_000 });
}

function tlsOf({ listeners: { tls }, user, authority }: KafkaNode): ServerTls | undefined {
  if (tls === undefined || authority === undefined) return undefined;
  return {
    url: urlOf('kafka+tls', `localhost:${tls.port}`, user),
    mismatchedUrl: urlOf('kafka+tls', `127.0.0.1:${tls.port}`, user),
    authority,
  };
}
