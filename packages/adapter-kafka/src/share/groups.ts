import { type Declaration, type Mismatch, WaybillError } from '@waybill/core/driver';
import { codeOf } from '../errors.ts';
import { classicGroupOf, shareGroupOf, topicOf } from '../names.ts';
import { partitionsOf } from '../placing.ts';
import { pause } from '../protocol/patience.ts';
import type { Wire } from '../wire.ts';
import type { WireShares } from './wire.ts';

interface SharedQueue {
  readonly kind: 'queue';
}
type QueueDeclaration = Extract<Declaration, SharedQueue>;

/** What a share group promises its members. */
export interface GroupTerms {
  /** Of the lock, what is left when a record has come to us. */
  readonly leaseMs: number;
  /** Records with so many deliveries are replaced by a copy: see `replaceWorn`. */
  readonly copyFrom: number;
  /** Kafka drops what comes back from so many. */
  readonly limit: number;
}

const reset = 'share.auto.offset.reset';
const isolation = 'share.isolation.level';
const limit = 'share.delivery.count.limit';
const lock = 'share.record.lock.duration.ms';
const largestLimit = 'group.share.max.delivery.count.limit';
/** Kafka 4.2 has it for all groups only. */
const brokerLimit = 'group.share.delivery.count.limit';
/** The group has members. */
export const nonEmpty = 68;
/** Two deliveries to run, and three in which a copy may fail. */
const leastLimit = 5;
const wayMs = 1_000;
const spreadMs = 10_000;
const lookMs = 25;

/** Ordered queues are groups that read partitions: records that are shared have no order. */
export const isShared = <P extends { readonly kind: string }>(place: P): place is Extract<P, SharedQueue> =>
  place.kind === 'queue' && 'order' in place && place.order === 'none';

/** Sets up the groups of the queues among them, or tells what is missing. */
export async function declareGroups(
  wire: Wire,
  shares: WireShares,
  declarations: readonly Declaration[],
  mode: 'create' | 'verify',
): Promise<readonly Mismatch[]> {
  const queues = declarations.filter((one) => isShared(one));
  if (mode === 'verify') return (await Promise.all(queues.map((one) => differencesOf(shares, one)))).flat();
  await Promise.all(queues.map((one) => setUp(wire, shares, one)));
  return [];
}

async function setUp(wire: Wire, shares: WireShares, declaration: QueueDeclaration): Promise<void> {
  const group = shareGroupOf(declaration);
  const wanted = missingOf(await settingsOf(shares, group));
  if (wanted.size > 0) {
    await shares.change(group, wanted);
    await known(shares, group);
  }
  await begin(wire, shares, declaration);
}

const settingsOf = (shares: WireShares, group: string): Promise<ReadonlyMap<string, string>> =>
  shares.settings(group, [reset, isolation, limit, lock]);

/** The coordinator learns of it a moment later. */
async function known(shares: WireShares, group: string): Promise<void> {
  for (const deadline = Date.now() + spreadMs; missingOf(await settingsOf(shares, group)).size > 0;) {
    if (Date.now() > deadline)
      throw new WaybillError('timeout', `Kafka did not come to know the settings of "${group}" in ${spreadMs} ms`);
    await pause(lookMs);
  }
}

/** From the start, committed records only, and as many deliveries as the brokers allow. */
function missingOf(settings: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const wanted = new Map([
    [reset, 'earliest'],
    [isolation, 'read_committed'],
  ]);
  const most = Number(settings.get(largestLimit));
  if (most > Number(settings.get(limit))) wanted.set(limit, String(most));
  return new Map([...wanted].filter(([name, value]) => settings.get(name) !== value));
}

async function differencesOf(shares: WireShares, declaration: QueueDeclaration): Promise<readonly Mismatch[]> {
  const settings = await settingsOf(shares, shareGroupOf(declaration));
  return [...missingOf(settings)]
    .filter(([name]) => name !== limit)
    .map(([property, wanted]) => ({ declaration, property, wanted, found: settings.get(property) ?? 'nothing' }));
}

/**
 * A group that is new begins where the queue's other group stands, which read partitions before; else at the oldest
 * record. Rejects while that one has members: they and we would handle the same messages.
 */
async function begin(wire: Wire, shares: WireShares, declaration: QueueDeclaration): Promise<void> {
  const [topic, group, before] = [topicOf(declaration), shareGroupOf(declaration), classicGroupOf(declaration)];
  const partitions = await partitionsOf(wire, topic);
  if ((await shares.standing(group, topic, partitions)).size > 0) return;
  if (group !== before) await checkDeserted(shares, declaration.name, before);
  const first = await wire.offsetsAt(topic, new Map(partitions.map((partition) => [partition, 'earliest'])));
  const committed = group === before ? new Map<number, bigint>() : await wire.committed(before, topic, partitions);
  const starts = [...first].map(([partition, offset]) => {
    const stood = committed.get(partition) ?? offset;
    return [partition, stood > offset ? stood : offset] as const;
  });
  try {
    await shares.place(group, topic, new Map(starts));
  } catch (error) {
    // Another member was faster.
    if (codeOf(error) !== nonEmpty) throw error;
  }
}

async function checkDeserted(shares: WireShares, name: string, group: string): Promise<void> {
  const many = await shares.classicMembers(group);
  if (many === 0) return;
  throw new WaybillError(
    'mismatch',
    `The queue "${name}" is consumed through the group "${group}", which has ${many} members now; stop them before it is consumed through a share group, or messages would be handled twice`,
  );
}

/** Whether the group knows where to begin in each partition. */
export async function hasBegunAll(wire: Wire, shares: WireShares, topic: string, group: string): Promise<boolean> {
  const partitions = await partitionsOf(wire, topic);
  return (await shares.standing(group, topic, partitions)).size === partitions.length;
}

/** Rejects for a group that could lose messages. */
export async function termsOf(shares: WireShares, group: string): Promise<GroupTerms> {
  const settings = await settingsOf(shares, group);
  const wrong = [...missingOf(settings)].filter(([name]) => name !== limit);
  if (wrong.length > 0)
    throw new WaybillError(
      'mismatch',
      `The share group "${group}" wants ${wrong.map(([name, value]) => `${name}=${value}`).join(' and ')}; declare its queue, or set it with kafka-configs.sh --entity-type groups`,
    );
  const most = Number(settings.get(limit) ?? settings.get(brokerLimit));
  if (!(most >= leastLimit))
    throw new WaybillError(
      'mismatch',
      `The share group "${group}" drops records after ${most} deliveries; set ${limit} to ${leastLimit} or more`,
    );
  const lockMs = Number(settings.get(lock));
  return { leaseMs: lockMs - Math.min(wayMs, lockMs / 10), copyFrom: Math.ceil(most / 2), limit: most };
}
