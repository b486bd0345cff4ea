import {
  apiVersionsV3,
  ConfigResourceTypes,
  describeConfigsV4,
  describeGroupsV5,
  incrementalAlterConfigsV1,
} from '@platformatic/kafka';
import { checkCode } from '../../errors.ts';
import type { ShareStanding, WireShares } from '../../share/wire.ts';
import type { Cluster } from '../../protocol/cluster.ts';
import { patiently } from '../../protocol/patience.ts';
import { GroupShareMember, noShareGroup, otherKind } from './member.ts';
import { askAt } from './asking.ts';
import { alterShareOffsets, describeShareOffsets } from './offset-requests.ts';
import { heartbeat, shareAcknowledge, shareFetch } from './requests.ts';
import { BrokerSession } from './session.ts';

const needed = [heartbeat, shareFetch, shareAcknowledge, describeShareOffsets, alterShareOffsets];
const feature = 'share.version';
const set = 0;
const limits = ['group.share.delivery.count.limit', 'group.share.max.delivery.count.limit'];

/** Share groups, where the brokers have them: Kafka 4.2 and newer with the feature `share.version`. */
export async function sharesOf(cluster: Cluster): Promise<WireShares | undefined> {
  const { brokers } = await cluster.askAny('metadata', [], false, false);
  const node = brokers[0]?.nodeId ?? -1;
  const { apiKeys, finalizedFeatures = [] } = await askAt(cluster, node, apiVersionsV3.api, 'waybill', '0');
  const isOn = finalizedFeatures.some(({ name, maxVersionLevel }) => name === feature && maxVersionLevel >= 1);
  const hasAll = needed.every(({ key, version }) =>
    apiKeys.some((one) => one.apiKey === key && one.minVersion <= version && version <= one.maxVersion),
  );
  if (!isOn || !hasAll) return undefined;
  return {
    join: (spec, owner) => new GroupShareMember(cluster, spec, owner),
    openSession: (spec) => BrokerSession.open(cluster, spec),
    standing: (group, topic, partitions) => patiently(() => standing(cluster, group, topic, partitions)),
    place: (group, topic, offsets) => patiently(() => place(cluster, group, topic, offsets)),
    settings: (group, names) => patiently(() => settings(cluster, group, names)),
    change: (group, wanted) => change(cluster, group, wanted),
    classicMembers: (group) => patiently(() => classicMembers(cluster, group)),
  };
}

/** Only of partitions that the group has begun with. */
async function standing(
  cluster: Cluster,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, ShareStanding>> {
  const coordinator = await cluster.coordinatorOf(group);
  const [found] = await askAt(cluster, coordinator, describeShareOffsets, group, topic, partitions);
  const code = found?.errorCode ?? noShareGroup;
  if (code === noShareGroup) return new Map();
  told(cluster, group, code, `a question about the share group "${group}"`, found?.errorMessage);
  const begun = (found?.partitions ?? []).filter(({ errorCode, start }) => errorCode === 0 && start >= 0n);
  return new Map(begun.map(({ partition, start, lag }) => [partition, { start, lag: lag < 0n ? undefined : lag }]));
}

async function place(
  cluster: Cluster,
  group: string,
  topic: string,
  offsets: ReadonlyMap<number, bigint>,
): Promise<void> {
  const coordinator = await cluster.coordinatorOf(group);
  const { errorCode, errorMessage, codes } = await askAt(
    cluster,
    coordinator,
    alterShareOffsets,
    group,
    topic,
    offsets,
  );
  const code = errorCode === 0 ? (codes.find((one) => one !== 0) ?? 0) : errorCode;
  if (code === noShareGroup) throw otherKind(group);
  told(cluster, group, code, `placing the share group "${group}"`, errorMessage);
}

/** A coordinator that moved is looked for again. */
function told(cluster: Cluster, group: string, code: number, doing: string, detail?: string | null): void {
  if (code !== 0) cluster.forgetCoordinator(group);
  checkCode(code, doing, detail);
}

/** What holds for the group, whoever said it, and what the brokers say of deliveries, where they may be asked. */
async function settings(
  cluster: Cluster,
  group: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const coordinator = await cluster.coordinatorOf(group);
  const asked = [
    { resourceType: ConfigResourceTypes.GROUP, resourceName: group, configurationKeys: [...names] },
    {
      resourceType: ConfigResourceTypes.BROKER,
      resourceName: String(coordinator),
      configurationKeys: limits,
    },
  ];
  const { results } = await askAt(cluster, coordinator, describeConfigsV4.api, asked, false, false);
  for (const { errorCode, errorMessage, resourceType } of results)
    if (resourceType === ConfigResourceTypes.GROUP)
      checkCode(errorCode, `a question for the settings of the group "${group}"`, errorMessage);
  return new Map(results.flatMap(({ configs }) => configs.map(({ name, value }) => [name, value ?? ''] as const)));
}

async function change(cluster: Cluster, group: string, wanted: ReadonlyMap<string, string>): Promise<void> {
  const configs = [...wanted].map(([name, value]) => ({ name, value, configOperation: set }) as const);
  const resource = { resourceType: ConfigResourceTypes.GROUP, resourceName: group, configs };
  const { responses } = await askAt(
    cluster,
    await cluster.coordinatorOf(group),
    incrementalAlterConfigsV1.api,
    [resource],
    false,
  );
  const { errorCode = 0, errorMessage } = responses[0] ?? {};
  checkCode(errorCode, `setting ${[...wanted.keys()].join(', ')} of the group "${group}"`, errorMessage);
}

async function classicMembers(cluster: Cluster, group: string): Promise<number> {
  const { groups } = await askAt(cluster, await cluster.coordinatorOf(group), describeGroupsV5.api, [group], false);
  const found = groups[0];
  told(cluster, group, found?.errorCode ?? 0, `a question about the group "${group}"`);
  return found?.members.length ?? 0;
}
