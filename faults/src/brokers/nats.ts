import { nats } from '@waybill/adapter-nats';
import { type Nats, type NatsLine, startNats, startNatsCluster, waitFor } from '@waybill/testbed';
import type { FaultyBroker, FaultyServer, ServerSettings } from './faulty-broker.ts';
import { alone, faultyServer } from './server.ts';

/**
 * The server writes what was acknowledged to disk some time later (1.4 s were seen on a busy machine): a SIGKILL undoes it.
 * One before 2.10 writes a consumer's state over the old one, and a SIGKILL between the two undoes all of it: on line 2.9
 * a run is valid only where that did not happen to a subscription of `news`.
 */
const keptLater = { acceptanceWithinMs: 3_000 } as const;

export const natsBroker: FaultyBroker = {
  title: 'NATS',
  // The server speaks first.
  greeting: new Uint8Array(),
  places: ['work', 'keyed', 'news', 'log'],
  // The others elect a leader after four to nine seconds without one (raft.go of nats-server), for each stream and consumer.
  goesOnWithinMs: 14_000,
  agedMs: 0,
  // Two pings may be out, so it is noticed at the third. A busy machine is late.
  noticeWithinMs: (heartbeatMs) => 3 * heartbeatMs + 2_000,
  // It pings clients every two minutes.
  standstill: 'its deliveries go to others',
  recoverWithinMs: 5_000,
  quietMs: 1_500,
  // JetStream answers no plain acknowledgement.
  acceptance: 'sent',
  dedup: true,
  claims: { work: keptLater, keyed: keptLater, news: keptLater },
  driver: ({ ports, heartbeatMs, name }) =>
    nats({
      hosts: Object.values(ports).map((port) => `127.0.0.1:${port}`),
      pingIntervalMs: heartbeatMs,
      connectTimeoutMs: 2 * heartbeatMs,
      answerTimeoutMs: 2 * heartbeatMs,
      connectionName: name,
      replicas: Object.keys(ports).length,
    }),
  start,
};

async function start({ line, isCluster, say }: ServerSettings): Promise<FaultyServer> {
  const options = { line: line as NatsLine, name: 'faults', onProgress: say };
  const synced = line === '2.9' ? 'default durability' : 'every message on disk before its answer';
  if (!isCluster) {
    const server = await startNats(options);
    return faultyServer(alone(server), `NATS ${server.version}, one node, ${synced}`);
  }
  const cluster = await startNatsCluster(options);
  return {
    ...faultyServer(cluster, `NATS ${cluster.nodes[0]?.version}, three nodes, three replicas, ${synced}`),
    async whole() {
      await waitFor('every node to be healthy', () => areHealthy(cluster.nodes), { timeoutMs: 60_000, everyMs: 100 });
    },
  };
}

/** Each says so itself, of all streams and consumers that it has a replica of. */
async function areHealthy(nodes: readonly Nats[]): Promise<true | undefined> {
  const answers = await Promise.all(
    nodes.map(
      async (node) => node.monitor('healthz').catch(() => undefined) as Promise<{ status?: string } | undefined>,
    ),
  );
  return answers.every((answer) => answer?.status === 'ok') || undefined;
}
