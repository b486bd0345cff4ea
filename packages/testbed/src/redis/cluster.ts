import { install } from '../install/install.ts';
import { TestbedError } from '../errors.ts';
import { startNodes } from '../process/nodes.ts';
import { waitFor } from '../wait.ts';
import { redisProduct } from './lines.ts';
import { writeRedisNode } from './node.ts';
import { ownRedis } from './own.ts';
import type { Redis, RedisCluster, RedisOptions } from './redis.ts';

/**
 * A cluster of three masters of our own, whatever the environment offers: without replicas, so that the slots of a
 * killed master fail until it is started again. Resolves when every node knows the state of the cluster to be ok.
 */
export async function startRedisCluster(options: Omit<RedisOptions, 'tls' | 'user'>): Promise<RedisCluster> {
  const installation = await install(redisProduct.recipe(options.line), options.onProgress);
  const cluster = await startNodes(options.name ?? `redis-${options.line}`, { nodes: 3, portsEach: 3 }, (run) =>
    ownRedis(writeRedisNode(installation, run, options, true)),
  );
  try {
    await joinUp(cluster.nodes);
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}

async function joinUp(nodes: readonly Redis[]): Promise<void> {
  const [first] = nodes;
  if (first === undefined) throw new TestbedError('a cluster needs a node');
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await first.control('--cluster', 'create', ...addresses, '--cluster-replicas', '0', '--cluster-yes');
  await waitFor('every node to know the cluster', async () => {
    const states = await Promise.all(nodes.map(async (node) => node.control('CLUSTER', 'INFO')));
    return states.every((state) => state.includes('cluster_state:ok')) || undefined;
  });
}
