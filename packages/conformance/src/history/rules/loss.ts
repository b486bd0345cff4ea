import { deliveryOrdinals, ms, publishOrdinals, type Findings } from '../findings.ts';
import type { Delivery, Ledger, Message, Subscription } from '../ledger.ts';
import { deliveriesIn, emptyDrain, isGivenUp, owedTo } from './shared.ts';

export interface LossCounts {
  expired: number;
  dropped: number;
  unknownSeen: number;
  unknownUnseen: number;
}

/** Every confirmed message reaches its end in every subscription that is owed it. */
export function judgeLoss(ledger: Ledger, findings: Findings): LossCounts {
  const counts: LossCounts = { expired: 0, dropped: 0, unknownSeen: 0, unknownUnseen: 0 };
  const seen = createSight(ledger);
  for (const message of ledger.messages.values()) {
    if (message.invokes === 0) continue;
    if (message.oks === 0) countUnknown(message, counts);
    else
      for (const subscription of owedTo(ledger, message)) judge(ledger, findings, counts, seen, message, subscription);
  }
  return counts;
}

function countUnknown(message: Message, counts: LossCounts): void {
  if (message.fails === message.invokes) return;
  if (message.deliveries.length > 0) counts.unknownSeen += 1;
  else counts.unknownUnseen += 1;
}

function judge(
  ledger: Ledger,
  findings: Findings,
  counts: LossCounts,
  seen: Sight,
  message: Message,
  subscription: Subscription,
): void {
  const deliveries = deliveriesIn(message, subscription);
  const isOnce = ledger.claim.delivery === 'at-most-once';
  if (deliveries.some(({ ok }) => ok === true) || (isOnce && deliveries.length > 0)) return;
  if (isGivenUp(ledger, message, subscription)) return;
  const drain = emptyDrain(ledger, subscription);
  if (message.expiresAt <= (drain?.at ?? ledger.lastAt)) counts.expired += 1;
  else if (isOnce && mayLose(ledger, message, drain?.at)) counts.dropped += 1;
  else
    report(findings, message, subscription, deliveries, proofOfLoss(ledger, seen, message, subscription, deliveries));
}

/** At-most-once may lose what a disturbance hit, and whatever it is allowed to drop. */
function mayLose(ledger: Ledger, message: Message, until = ledger.lastAt): boolean {
  return ledger.claim.mayDrop || ledger.disturbances.find(message.invokeAt, until) !== undefined;
}

interface Proof {
  readonly detail: string;
  readonly ordinals: readonly number[];
}

function proofOfLoss(
  ledger: Ledger,
  seen: Sight,
  message: Message,
  subscription: Subscription,
  deliveries: readonly Delivery[],
): Proof | undefined {
  if (deliveries.some(isStillRunning)) return undefined;
  const drain = emptyDrain(ledger, subscription);
  if (drain !== undefined && drain.ordinal > message.okOrdinal) {
    return {
      detail: `depth 0 ${ms(drain.at - message.okAt)} after its confirm; ${seen.place(message, subscription)}`,
      ordinals: [drain.ordinal],
    };
  }
  const later = seen.laterInOrder(message, subscription);
  return (
    later && {
      detail: `${later.message.id}, later in the order, was handled`,
      ordinals: [later.message.invokeOrdinal, later.ordinal, later.endOrdinal],
    }
  );
}

function isStillRunning(delivery: Delivery): boolean {
  return delivery.ok === undefined && delivery.holder.exitedAt === Infinity;
}

function report(
  findings: Findings,
  message: Message,
  subscription: Subscription,
  deliveries: readonly Delivery[],
  proof: Proof | undefined,
): void {
  const last = deliveries.at(-1);
  const fate =
    last === undefined ? 'never delivered' : `delivered ${deliveries.length} times, never handled with success`;
  findings.add({
    class: proof === undefined ? 'unseen' : 'lost',
    means: proof === undefined ? 'unknown' : 'invalid',
    message: message.id,
    subscription: subscription.name,
    detail: `${fate}, ${proof?.detail ?? 'but nothing shows that it is not still to come'}`,
    ordinals: [...publishOrdinals(message), ...(last ? deliveryOrdinals(last) : []), ...(proof?.ordinals ?? [])],
  });
}

/** How far each producer, and each ordered group, was seen in each subscription. Built when first asked. */
interface Sight {
  /** The handled message that stands furthest behind this one in its order. */
  laterInOrder(message: Message, subscription: Subscription): Delivery | undefined;
  /** Which part of its producer's messages it belongs to: that tells a late start from an early end. */
  place(message: Message, subscription: Subscription): string;
}

function createSight(ledger: Ledger): Sight {
  let ranges: Map<string, { first: number; last: number }> | undefined;
  let furthest: Map<string, Delivery> | undefined;
  const { order, onRedelivery } = ledger.claim;
  return {
    laterInOrder(message, subscription) {
      if (order === 'none' || onRedelivery === 'skip') return undefined;
      furthest ??= furthestHandled(ledger);
      const delivery = furthest.get(orderName(message, subscription, order));
      return delivery !== undefined && delivery.message.invokeOrdinal > message.okOrdinal ? delivery : undefined;
    },
    place(message, subscription) {
      ranges ??= seenRanges(ledger);
      const range = ranges.get(`${message.producer}\0${subscription.name}`);
      const part =
        range === undefined
          ? 'nothing'
          : message.invokeOrdinal < range.first
            ? 'only later ones'
            : message.invokeOrdinal > range.last
              ? 'only earlier ones'
              : 'earlier and later ones';
      return `${part} of its producer seen`;
    },
  };
}

function orderName(message: Message, subscription: Subscription, order: 'key' | 'total'): string {
  const place = `${subscription.name}\0${message.destination}`;
  return order === 'total' ? place : `${place}\0${message.producer}\0${message.key ?? message.id}`;
}

function furthestHandled(ledger: Ledger): Map<string, Delivery> {
  const furthest = new Map<string, Delivery>();
  const { order } = ledger.claim;
  for (const { deliveries } of ledger.messages.values()) {
    for (const delivery of deliveries) {
      if (delivery.ok !== true || order === 'none') continue;
      const name = orderName(delivery.message, delivery.subscription, order);
      const known = furthest.get(name);
      if (known === undefined || known.message.invokeOrdinal < delivery.message.invokeOrdinal)
        furthest.set(name, delivery);
    }
  }
  return furthest;
}

function seenRanges(ledger: Ledger): Map<string, { first: number; last: number }> {
  const ranges = new Map<string, { first: number; last: number }>();
  for (const { producer, invokeOrdinal, deliveries } of ledger.messages.values()) {
    for (const { subscription } of deliveries) {
      const name = `${producer}\0${subscription.name}`;
      const range = ranges.get(name);
      if (range === undefined) ranges.set(name, { first: invokeOrdinal, last: invokeOrdinal });
      else {
        range.first = Math.min(range.first, invokeOrdinal);
        range.last = Math.max(range.last, invokeOrdinal);
      }
    }
  }
  return ranges;
}
