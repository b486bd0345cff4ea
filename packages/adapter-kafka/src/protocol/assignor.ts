import type { Assignment, Subscription } from './subscription.ts';

export interface Subscriber extends Subscription {
  readonly id: string;
}

/**
 * Even, and nobody loses more than that takes. Cooperative: what one member must give up is withheld until it has, so
 * that nobody has it twice; the giving member then asks for another round.
 */
export function assign(
  subscribers: readonly Subscriber[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, Assignment> {
  const plan = new Map<string, Map<string, readonly number[]>>(subscribers.map(({ id }) => [id, new Map()]));
  for (const [topic, count] of partitionCounts) {
    const members = subscribers.filter(({ topics }) => topics.includes(topic));
    for (const [id, partitions] of assignTopic(members, topic, count)) plan.get(id)?.set(topic, partitions);
  }
  return plan;
}

function assignTopic(members: readonly Subscriber[], topic: string, count: number): ReadonlyMap<string, number[]> {
  const owners = ownersOf(members, topic, count);
  const least = Math.floor(count / Math.max(1, members.length));
  let larger = count % Math.max(1, members.length);
  const kept = new Map<string, number[]>();
  const eager = [...members].sort(
    (one, other) => held(owners, other.id) - held(owners, one.id) || (one.id < other.id ? -1 : 1),
  );
  const quotas = new Map<string, number>();
  for (const { id } of eager) {
    const quota = least + (larger-- > 0 ? 1 : 0);
    quotas.set(id, quota);
    kept.set(
      id,
      [...owners]
        .filter(([, owner]) => owner === id)
        .map(([partition]) => partition)
        .slice(0, quota),
    );
  }
  for (let partition = 0; partition < count; partition++) {
    if (owners.has(partition)) continue;
    const taker = eager.find(({ id }) => (kept.get(id)?.length ?? 0) < (quotas.get(id) ?? 0));
    if (taker !== undefined) kept.get(taker.id)?.push(partition);
  }
  return kept;
}

const held = (owners: ReadonlyMap<number, string>, id: string): number =>
  [...owners.values()].filter((owner) => owner === id).length;

/** Of two that claim a partition the one with the newer generation has it. */
function ownersOf(members: readonly Subscriber[], topic: string, count: number): ReadonlyMap<number, string> {
  const owners = new Map<number, { readonly id: string; readonly generation: number }>();
  for (const { id, owned, generation } of members)
    for (const partition of owned.get(topic) ?? [])
      if (partition < count && generation > (owners.get(partition)?.generation ?? -2))
        owners.set(partition, { id, generation });
  return new Map([...owners].map(([partition, { id }]) => [partition, id]));
}
