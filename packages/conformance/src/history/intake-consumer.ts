import type {
  Commit,
  ConnectionChange,
  Deliver,
  Handled,
  LaneMove,
  SettleInvoke,
  SettleOutcome,
  SubscribeEnd,
} from './event.ts';
import {
  addOrphan,
  consumerName,
  messageNamed,
  subscriptionNamed,
  type Break,
  type Contents,
  type Delivery,
  type Holder,
  type LaneTrail,
  type Ledger,
  type Subscription,
} from './ledger.ts';

/** A trail is cut back when this many of its entries are committed and they are most of it. */
const TRAIL_SLACK = 1_024;

export function recordDeliver(ledger: Ledger, holder: Holder, event: Deliver, at: number, ordinal: number): void {
  const message = messageNamed(ledger, event.message);
  const subscription = subscriptionNamed(ledger, event.subscription);
  const { consumer, lane, attempt, redelivered } = event;
  const delivery: Delivery = {
    message,
    subscription,
    holder,
    consumer,
    lane,
    at,
    ordinal,
    attempt,
    redelivered,
    leaseEndsAt: event.leaseMs === undefined ? Infinity : at + event.leaseMs,
    endedAt: Infinity,
    endOrdinal: -1,
    ok: undefined,
    settlement: undefined,
    settleOutcome: undefined,
    settleOrdinal: -1,
    settleAt: Infinity,
    settledAt: Infinity,
    settledOrdinal: -1,
    cause: undefined,
    returns: 0,
  };
  if (holder.open.has(event.delivery))
    addOrphan(ledger, `delivery ${event.delivery} of ${holder.name} begins twice; each needs its own id`);
  holder.open.set(event.delivery, delivery);
  message.deliveries.push(delivery);
  ledger.tally.deliveries += 1;
  if (event.lane !== undefined && event.position !== undefined)
    trailOf(holder, event.subscription, event.lane, consumer).entries.push({ delivery, position: event.position });
  noteProgress(ledger, subscription, at, ordinal);
  if (message.invokes === 0) ledger.early.push({ delivery, event });
  else compareContents(ledger, delivery, event);
}

/** Contents are compared where both sides were recorded. */
export function compareContents(ledger: Ledger, delivery: Delivery, event: Contents): void {
  const { message } = delivery;
  const what =
    event.headerMessage !== undefined && event.headerMessage !== event.message
      ? `the headers belong to ${event.headerMessage}`
      : differs(event.body, message.body)
        ? `body ${event.body}, published as ${message.body}`
        : differs(event.headers, message.headers)
          ? `headers ${event.headers}, published as ${message.headers}`
          : differs(event.key, message.key)
            ? `key ${event.key}, published as ${message.key}`
            : undefined;
  if (what !== undefined) ledger.corrupted.push({ delivery, what });
  if (differs(event.destination, message.destination))
    ledger.strays.push({ delivery, destination: event.destination ?? '' });
}

function differs(seen: string | undefined, published: string | undefined): boolean {
  return seen !== undefined && published !== undefined && seen !== published;
}

function noteProgress(ledger: Ledger, subscription: Subscription, at: number, ordinal: number): void {
  const { lastProgressAt: from, lastProgressOrdinal: fromOrdinal } = subscription;
  if (at - from > ledger.claim.progressWithinMs)
    subscription.gaps.push({ from, to: at, fromOrdinal, toOrdinal: ordinal });
  subscription.lastProgressAt = at;
  subscription.lastProgressOrdinal = ordinal;
}

function openDelivery(
  ledger: Ledger,
  holder: Holder,
  event: Handled | SettleInvoke | SettleOutcome,
): Delivery | undefined {
  const delivery = holder.open.get(event.delivery);
  if (delivery === undefined)
    addOrphan(ledger, `${event.type} of delivery ${event.delivery} of ${holder.name}, which is not open`);
  return delivery;
}

export function recordHandled(ledger: Ledger, holder: Holder, event: Handled, at: number, ordinal: number): void {
  const delivery = openDelivery(ledger, holder, event);
  if (delivery === undefined) return;
  delivery.ok = event.outcome === 'ok';
  delivery.endedAt = at;
  delivery.endOrdinal = ordinal;
  ledger.tally[event.outcome] += 1;
  noteProgress(ledger, delivery.subscription, at, ordinal);
  forget(holder, event.delivery, delivery);
}

/** Frees the id once the handler has ended and the settlement has taken effect: nothing more can be said about it. */
function forget(holder: Holder, id: number | string, delivery: Delivery): void {
  if (delivery.ok !== undefined && delivery.settledAt < Infinity) holder.open.delete(id);
}

export function recordSettle(ledger: Ledger, holder: Holder, event: SettleInvoke, at: number, ordinal: number): void {
  const delivery = openDelivery(ledger, holder, event);
  if (delivery === undefined) return;
  delivery.subscription.hasSettlements = true;
  if (event.settlement === 'extend') return;
  delivery.settlement = event.settlement;
  delivery.settleOutcome = 'open';
  delivery.settleAt = at;
  delivery.settleOrdinal = ordinal;
}

export function recordSettled(ledger: Ledger, holder: Holder, event: SettleOutcome, at: number, ordinal: number): void {
  const delivery = openDelivery(ledger, holder, event);
  if (delivery === undefined) return;
  delivery.subscription.hasSettlements = true;
  if (event.settlement === 'extend') {
    if (event.type === 'settle.ok' && event.leaseMs !== undefined) delivery.leaseEndsAt = at + event.leaseMs;
    return;
  }
  delivery.settlement = event.settlement;
  if (delivery.settleOrdinal < 0) {
    delivery.settleAt = at;
    delivery.settleOrdinal = ordinal;
  }
  delivery.settledOrdinal = ordinal;
  if (event.type === 'settle.lost') delivery.settleOutcome = 'lost';
  else if (event.type === 'settle.failed') delivery.settleOutcome = 'failed';
  else settle(delivery, at);
  forget(holder, event.delivery, delivery);
}

function settle(delivery: Delivery, at: number): void {
  delivery.settleOutcome = 'ok';
  delivery.settledAt = at;
}

function trailName(subscription: string, lane: string, consumer: string | undefined): string {
  return `${subscription}\0${lane}\0${consumer ?? ''}`;
}

function trailOf(holder: Holder, subscription: string, lane: string, consumer: string | undefined): LaneTrail {
  const name = trailName(subscription, lane, consumer);
  let trail = holder.lanes.get(name);
  if (trail === undefined) holder.lanes.set(name, (trail = { entries: [], head: 0 }));
  return trail;
}

export function recordCommit(ledger: Ledger, holder: Holder, event: Commit, at: number, ordinal: number): void {
  subscriptionNamed(ledger, event.subscription).hasSettlements = true;
  const trail = holder.lanes.get(trailName(event.subscription, event.lane, event.consumer));
  if (trail === undefined || event.outcome !== 'ok') return;
  let through = trail.head;
  while (through < trail.entries.length && trail.entries[through]!.position !== event.through) through += 1;
  if (through === trail.entries.length) return;
  for (let index = trail.head; index <= through; index += 1)
    commitDelivery(trail.entries[index]!.delivery, at, ordinal);
  trail.head = through + 1;
  if (trail.head < TRAIL_SLACK || trail.head * 2 < trail.entries.length) return;
  trail.entries = trail.entries.slice(trail.head);
  trail.head = 0;
}

function commitDelivery(delivery: Delivery, at: number, ordinal: number): void {
  delivery.settlement = 'accept';
  delivery.settleAt = at;
  delivery.settleOrdinal = ordinal;
  delivery.settledOrdinal = ordinal;
  settle(delivery, at);
}

export function recordSubscribeEnd(
  ledger: Ledger,
  holder: Holder,
  event: SubscribeEnd,
  at: number,
  ordinal: number,
): void {
  const subscription = subscriptionNamed(ledger, event.subscription);
  subscription.consumers.delete(consumerName(holder, event.consumer));
  if (subscription.consumers.size === 0) noteProgress(ledger, subscription, at, ordinal);
  addBreak(ledger, holder, {
    reason: 'consumer-close',
    from: at,
    to: at,
    consumer: event.consumer,
    subscription: event.subscription,
  });
}

export function recordLane(ledger: Ledger, holder: Holder, event: LaneMove, at: number): void {
  holder.lanes.delete(trailName(event.subscription, event.lane, event.consumer));
  if (event.type === 'assign') return;
  addBreak(ledger, holder, {
    reason: 'rebalance',
    from: at,
    to: at,
    consumer: event.consumer,
    subscription: event.subscription,
    lane: event.lane,
  });
}

export function recordConnection(ledger: Ledger, holder: Holder, event: ConnectionChange, at: number): void {
  const down = holder.down.get(event.consumer);
  if (event.type === 'connection.down' && down === undefined) {
    holder.down.set(
      event.consumer,
      addBreak(ledger, holder, { reason: 'connection-down', from: at, to: Infinity, consumer: event.consumer }),
    );
  } else if (event.type === 'connection.up' && down !== undefined) {
    down.to = at;
    holder.down.delete(event.consumer);
  }
}

function addBreak(ledger: Ledger, holder: Holder, entry: Break): Break {
  ledger.disturbances.add(entry);
  return holder.breaks.add(entry);
}
