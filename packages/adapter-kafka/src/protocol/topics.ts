import { WaybillError } from '@waybill/core/driver';
import { checkCode, codeOf, KafkaError } from '../errors.ts';
import type { TopicSpec, WireTopics } from '../wire.ts';
import type { Cluster } from './cluster.ts';
import { offsetsAt } from './offsets.ts';
import { patiently, pause } from './patience.ts';

const unknownTopic = 3;
const alreadyExists = 36;
const noSuchGroup = 69;
const topicResource = 2;
/** A topic is made and removed by the controller, and known to the other brokers a moment later. */
const spreadMs = 10_000;
const lookMs = 25;

export function topicsOf(cluster: Cluster): WireTopics {
  const patience = cluster.settings.requestTimeoutMs - 500;
  return {
    async create(specs) {
      if (specs.length === 0) return;
      const { topics } = await cluster.askAny('createTopics', specs.map(requestOf), patience, false);
      for (const { name, errorCode, errorMessage } of topics)
        if (errorCode !== alreadyExists) checkCode(errorCode, `making the topic "${name}"`, errorMessage);
      for (const { name } of specs) await isReady(cluster, name);
    },
    describe: (names) => describe(cluster, names),
    async remove(name) {
      const { responses } = await cluster.askAny('deleteTopics', [{ name }], patience);
      const { errorCode = 0, errorMessage } = responses[0] ?? {};
      if (errorCode !== unknownTopic) checkCode(errorCode, `removing the topic "${name}"`, errorMessage);
      await until(`the topic "${name}" to be gone`, async () => !(await exists(cluster, name)));
    },
    async trim(topic, before) {
      for (const [partition, offset] of before) {
        const leader = await cluster.leaderOf(topic, partition);
        const request = [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }];
        const { topics } = await cluster.ask(leader, 'deleteRecords', request, patience);
        checkCode(topics[0]?.partitions[0]?.errorCode ?? 0, `trimming "${topic}"`);
      }
    },
    async removeGroup(group) {
      await patiently(async () => {
        const { results } = await cluster.ask(await cluster.coordinatorOf(group), 'deleteGroups', [group]);
        const code = results[0]?.errorCode ?? 0;
        if (code !== noSuchGroup) checkCode(code, `removing the group "${group}"`);
      });
    },
  };
}

const requestOf = ({ name, partitions, replicationFactor, config }: TopicSpec) => ({
  name,
  numPartitions: partitions,
  replicationFactor: replicationFactor ?? -1,
  assignments: [],
  configs: Object.entries(config).map(([key, value]) => ({ name: key, value })),
});

async function describe(cluster: Cluster, names: readonly string[]): Promise<ReadonlyMap<string, TopicSpec>> {
  const found = new Map<string, TopicSpec>();
  if (names.length === 0) return found;
  const { topics } = await cluster.askAny('metadata', [...names], false, false);
  for (const { name, errorCode, partitions } of topics) {
    if (!name || errorCode === unknownTopic) continue;
    checkCode(errorCode, `a question about the topic "${name}"`);
    found.set(name, {
      name,
      partitions: partitions.length,
      replicationFactor: partitions[0]?.replicaNodes.length,
      config: {},
    });
  }
  const resources = [...found.keys()].map((resourceName) => ({ resourceType: topicResource, resourceName }) as const);
  if (resources.length === 0) return found;
  const { results } = await cluster.askAny('describeConfigs', resources, false, false);
  for (const { resourceName, configs } of results) {
    const spec = found.get(resourceName);
    const config = Object.fromEntries(configs.map(({ name, value }) => [name, value ?? '']));
    if (spec !== undefined) found.set(resourceName, { ...spec, config });
  }
  return found;
}

/** Leaders are announced a moment before they lead. */
async function isReady(cluster: Cluster, topic: string): Promise<void> {
  await until(`the topic "${topic}" to have leaders`, () => hasLeaders(cluster, topic));
  const { leaders } = await cluster.layout(topic);
  const ends = new Map([...leaders.keys()].map((partition) => [partition, 'latest'] as const));
  await until(`the topic "${topic}" to be known to its leaders`, () => isKnown(() => offsetsAt(cluster, topic, ends)));
}

async function isKnown(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await patiently(ask);
    return true;
  } catch (error) {
    if (codeOf(error) === unknownTopic) return false;
    throw error;
  }
}

async function hasLeaders(cluster: Cluster, topic: string): Promise<boolean> {
  let leaders: readonly number[] = [];
  const isThere = await isKnown(async () => ({ leaders } = await cluster.layout(topic, true)));
  return isThere && leaders.length > 0 && leaders.every((leader) => leader >= 0);
}

async function exists(cluster: Cluster, topic: string): Promise<boolean> {
  cluster.forget(topic);
  try {
    await cluster.layout(topic, true);
    return true;
  } catch (error) {
    if (error instanceof KafkaError && error.code === unknownTopic) return false;
    throw error;
  }
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + spreadMs; !(await isSo());) {
    if (Date.now() > deadline) throw new WaybillError('timeout', `Kafka did not come to ${what} in ${spreadMs} ms`);
    await pause(lookMs);
  }
}
