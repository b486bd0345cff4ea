import { install } from '../install/install.ts';
import { startNodes } from '../process/nodes.ts';
import { waitFor } from '../wait.ts';
import type { KafkaCluster, KafkaOptions } from './kafka.ts';
import { kafkaProduct } from './lines.ts';
import { portCount } from './listeners.ts';
import { writeKafkaNode, type KafkaNode } from './node.ts';
import { ownKafka } from './own.ts';
import { knownBrokers } from './probe.ts';
import { newClusterId } from './start.ts';
import { Ways } from './ways.ts';

const brokers = 3;

/**
 * A cluster of three brokers of our own, whatever the environment offers. Resolves when each of them knows the others.
 * A graceful stop of two at a time takes long: what is left has no quorum to hand its work to.
 */
export async function startKafkaCluster(options: KafkaOptions): Promise<KafkaCluster> {
  const installation = await install(kafkaProduct.recipe(options.line), options.onProgress);
  const clusterId = newClusterId();
  const written: KafkaNode[] = [];
  const cluster = await startNodes(
    options.name ?? `kafka-${options.line}`,
    { nodes: brokers, portsEach: portCount(options) },
    async (run, members) => {
      const node = await writeKafkaNode(installation, run, options, { clusterId, members });
      written[node.id - 1] = node;
      return ownKafka(node);
    },
  );
  const ways = new Ways(written);
  const end = async () => {
    await ways.closeAll();
    await cluster[Symbol.asyncDispose]();
  };
  await waitFor('every broker to know the others', () => allKnown(written)).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  return { ...cluster, openWay: async () => ways.open(), [Symbol.asyncDispose]: end };
}

async function allKnown(nodes: readonly KafkaNode[]): Promise<true | undefined> {
  const counts = await Promise.all(
    nodes.map(async ({ listeners }) => (await knownBrokers(`kafka://127.0.0.1:${listeners.internal.port}`)).length),
  );
  return counts.every((count) => count === nodes.length) || undefined;
}
