import type { Library } from '../library.ts';
import type { Settings } from '../options.ts';
import type { WireShares } from '../share/wire.ts';
import type { KafkaConnections, Wire } from '../wire.ts';
import { Cluster } from './cluster.ts';
import { TopicFetcher } from './fetching.ts';
import { GroupMember } from './member.ts';
import { commit, committed, noMember, offsetsAt } from './offsets.ts';
import { checkCode } from '../errors.ts';
import { patiently } from './patience.ts';
import { Producing } from './producing.ts';
import { topicsOf } from './topics.ts';
import { MemberTransactions } from './transactions.ts';

/** Over any client library. */
export async function openWire(library: Library, settings: Settings): Promise<Wire> {
  const cluster = await Cluster.open(library, settings);
  const shares = settings.queues === 'share-groups' ? await openShares(library, cluster) : undefined;
  const producing = new Producing(cluster);
  return {
    native: nativeOf(cluster),
    closed: cluster.closed,
    batchMaxBytes: cluster.batchMaxBytes,
    topics: topicsOf(cluster),
    partitionsOf: async (topic, fresh) => (await patiently(() => cluster.layout(topic, fresh))).leaders.length,
    leadersOf: (topic, partitions) => cluster.leadersOf(topic, partitions),
    produce: (topic, partition, records) => producing.produce(topic, partition, records),
    offsetsAt: (topic, wanted) => patiently(() => offsetsAt(cluster, topic, wanted)),
    committed: (group, topic, partitions, isSettled = true) =>
      patiently(() => committed(cluster, group, topic, partitions, isSettled)),
    place: (group, topic, offsets) =>
      patiently(async () => {
        const codes = await commit(cluster, group, noMember, topic, offsets);
        for (const code of codes.values()) checkCode(code, `placing the group "${group}"`);
      }),
    join: (spec, owner) => new GroupMember(cluster, spec, owner),
    openTransactions: (group) => new MemberTransactions(cluster, group),
    shares,
    openFetcher: (topic) => new TopicFetcher(cluster, topic),
    ping: () => cluster.ping(),
    async close() {
      cluster.end(undefined);
    },
  };
}

async function openShares(library: Library, cluster: Cluster): Promise<WireShares | undefined> {
  try {
    return await library.shares?.(cluster);
  } catch (error) {
    cluster.end(undefined);
    throw error;
  }
}

/** Which library's connections they are, the setting says. */
const nativeOf = (cluster: Cluster): KafkaConnections =>
  ({
    client: cluster.settings.client,
    get connections() {
      return cluster.native;
    },
  }) as KafkaConnections;
