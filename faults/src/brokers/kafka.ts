import { kafka } from '@waybill/adapter-kafka';
import { type KafkaBroker, type KafkaLine, startKafka, startKafkaCluster, waitFor } from '@waybill/testbed';
import type { FaultyBroker, FaultyServer, ServerSettings } from './faulty-broker.ts';
import { alone, faultyServer } from './server.ts';

/** The least that a broker allows. */
const sessionTimeoutMs = 6_000;

/** Length, ApiVersions in its version 0, a number, no client id. */
const apiVersions = Buffer.from('0000000a0012000000000001ffff', 'hex');

/**
 * A group goes on behind its last commit: all that was handled since comes again, in order. A commit waits for what stands
 * before it in its partition, the waits of its retries included (up to 600 ms here), and for the answer to the commit before
 * it, which may be out for as long as a request may (twice the heartbeat). 3.8 s were seen.
 */
const fromLastCommit = { onRedelivery: 'rewind', acceptanceWithinMs: 6_000 } as const;

export const kafkaBroker: FaultyBroker = {
  title: 'Kafka',
  greeting: apiVersions,
  places: ['work', 'keyed', 'news', 'log'],
  // The controller takes a silent broker for lost after nine seconds (broker.session.timeout.ms).
  goesOnWithinMs: 14_000,
  agedMs: 0,
  // A request that is open for twice the heartbeat ends the connection; one that waits for records may be out before.
  noticeWithinMs: (heartbeatMs) => 4 * heartbeatMs + 4_000,
  standstill: 'its deliveries go to others',
  recoverWithinMs: sessionTimeoutMs,
  quietMs: 2_000,
  // It goes with the next commit, which is not waited for.
  acceptance: 'sent',
  dedup: false,
  // A retry that waits in a delay queue is copied twice: into that queue, and back.
  claims: { work: { ...fromLastCommit, copies: 2 }, news: fromLastCommit, keyed: fromLastCommit },
  driver: ({ ports, heartbeatMs, name }) =>
    kafka({
      hosts: Object.values(ports).map((port) => `127.0.0.1:${port}`),
      clientId: name,
      connectTimeoutMs: 2 * heartbeatMs,
      requestTimeoutMs: 2 * heartbeatMs,
      sessionTimeoutMs,
      partitions: 4,
      replicationFactor: Object.keys(ports).length,
    }),
  start,
};

async function start({ line, isCluster, members, say }: ServerSettings): Promise<FaultyServer> {
  const options = { line: line as KafkaLine, name: 'faults', ways: members.length, onProgress: say };
  if (!isCluster) {
    const server = await startKafka(options);
    const text = `Kafka ${server.version}, one broker, acks=all, session timeout ${sessionTimeoutMs} ms`;
    return { ...faultyServer(alone(server), text), way: () => wayTo(server, [server]) };
  }
  const cluster = await startKafkaCluster(options);
  const text = `Kafka ${cluster.nodes[0]?.version}, three brokers, three replicas, two in sync, acks=all, session timeout ${sessionTimeoutMs} ms`;
  return {
    ...faultyServer(cluster, text),
    way: () => wayTo(cluster, cluster.nodes),
    async whole() {
      const find = (): Promise<true | undefined> => isReplicated(cluster.nodes[0]!);
      await waitFor('every replica to be in sync', find, { timeoutMs: 60_000, everyMs: 500 });
    },
  };
}

/** Brokers tell clients where they are, so the proxies are theirs. */
async function wayTo(
  server: { openWay(): Promise<Pick<Awaited<ReturnType<FaultyServer['way']>>, 'url' | 'proxies'>> },
  nodes: readonly KafkaBroker[],
): ReturnType<FaultyServer['way']> {
  const { url, proxies } = await server.openWay();
  return { url, proxies, ports: Object.fromEntries(nodes.map(({ port }, index) => [port, proxies[index]!.port])) };
}

async function isReplicated(node: KafkaBroker): Promise<true | undefined> {
  const listed = await node.control('kafka-topics.sh', '--describe', '--under-replicated-partitions').catch(() => 'x');
  return listed.trim() === '' || undefined;
}
