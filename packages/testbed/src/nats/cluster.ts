import { install } from '../install/install.ts';
import { startNodes } from '../process/nodes.ts';
import { waitFor } from '../wait.ts';
import { natsProduct } from './lines.ts';
import type { Nats, NatsCluster, NatsOptions } from './nats.ts';
import { writeNatsNode } from './node.ts';
import { ownNats } from './own.ts';

/**
 * A cluster of three servers of our own, whatever the environment offers. Resolves when they have elected one that
 * leads the cluster, so that streams can be created.
 */
export async function startNatsCluster(options: Omit<NatsOptions, 'tls' | 'takesLeaves'>): Promise<NatsCluster> {
  const installation = await install(natsProduct.recipe(options.line), options.onProgress);
  const cluster = await startNodes(options.name ?? `nats-${options.line}`, { nodes: 3, portsEach: 3 }, (run, all) =>
    ownNats(writeNatsNode(installation, run, options, all)),
  );
  try {
    await waitFor('the cluster to have a leader', () => agreeOnLeader(cluster.nodes));
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}

interface JetstreamReport {
  readonly meta_cluster?: { readonly leader?: string; readonly cluster_size: number };
}

async function agreeOnLeader(nodes: readonly Nats[]): Promise<true | undefined> {
  const reports = await Promise.all(nodes.map(async (node) => node.monitor('jsz') as Promise<JetstreamReport>));
  const leaders = new Set(reports.map(({ meta_cluster: members }) => members?.leader));
  return (leaders.size === 1 && !leaders.has(undefined) && !leaders.has('')) || undefined;
}
