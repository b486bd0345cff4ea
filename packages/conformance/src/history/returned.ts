import { clockError, type Break, type Delivery, type Fault, type Ledger } from './ledger.ts';
import type { Explanation } from './verdict.ts';

/** Why a delivery had gone back by the time the same message was delivered again; `undefined` if it had not. */
export function whyReturned(ledger: Ledger, delivery: Delivery, next: Delivery): Explanation | undefined {
  const by = next.at + clockError(delivery.holder, next.holder);
  const { settlement, settleOutcome } = delivery;
  if (settleOutcome === 'ok' && settlement !== 'release') return whyUndone(ledger, delivery, by);
  if (settleOutcome === 'lost') return whyLetGo(ledger, delivery, by) ?? 'lost-settle';
  if (delivery.ok === false && delivery.endedAt <= by) return 'handler-error';
  if (isSettledOutOfSight(delivery)) {
    return whyLetGo(ledger, delivery, Math.min(by, delivery.endedAt + ledger.claim.acceptanceWithinMs));
  }
  if (delivery.settleAt > by) return whyLetGo(ledger, delivery, by);
  if (settlement === 'release') return 'release';
  if (settleOutcome === 'failed') return 'lost-settle';
  return whyLetGo(ledger, delivery, by) ?? (settleOutcome === 'open' ? 'unknown-settle' : undefined);
}

/** Handled where nobody records settlements: it was accepted right away, or a loss came very soon. */
function isSettledOutOfSight({ ok, subscription }: Delivery): boolean {
  return ok === true && !subscription.hasSettlements;
}

/** Why a holder lost a delivery that it had not settled. */
export function whyLetGo(ledger: Ledger, delivery: Delivery, by: number): Explanation | undefined {
  const { holder, at } = delivery;
  const noticedBy = by + ledger.claim.slackMs;
  const lost = holder.breaks.find(at, noticedBy, (entry) => concerns(entry, delivery));
  if (lost !== undefined) return lost.reason;
  if (holder.exitedAt <= noticedBy && holder.lastAt <= by) return 'consumer-death';
  if (delivery.leaseEndsAt <= by) return 'lease-end';
  return ledger.faultSpans.find(at, by, (fault) => fault.disconnects && hits(fault, delivery)) && 'fault';
}

/**
 * Whether a delivery started when its holder had lost it without knowing: the holder was stalled, or learnt of the loss
 * of its connection right after. Another consumer may have had the message in the meantime.
 */
export function startedLate(ledger: Ledger, delivery: Delivery): boolean {
  const { holder, at } = delivery;
  const isHit = ledger.faultSpans.find(at, at, (fault) => fault.disconnects && fault.target === holder.name);
  return (
    (isHit ??
      holder.breaks.find(at, at + ledger.claim.slackMs, (entry) => entry.from >= at && concerns(entry, delivery))) !==
    undefined
  );
}

function concerns(entry: Break, delivery: Delivery): boolean {
  return (
    (entry.consumer === undefined || delivery.consumer === undefined || entry.consumer === delivery.consumer) &&
    (entry.subscription === undefined || entry.subscription === delivery.subscription.name) &&
    (entry.lane === undefined || delivery.lane === undefined || entry.lane === delivery.lane)
  );
}

function hits(fault: Fault, delivery: Delivery): boolean {
  return fault.target === undefined || fault.target === delivery.holder.name;
}

/** Why a settlement that took effect did not hold: the retry stored a copy, it came too late, or a loss undid it. */
function whyUndone(ledger: Ledger, delivery: Delivery, by: number): Explanation | undefined {
  const { claim } = ledger;
  if (delivery.settledAt > by) return whyLetGo(ledger, delivery, by);
  if (claim.retry === 'copy' && delivery.settlement === 'accept' && delivery.ok === false) return 'handler-error';
  if (delivery.leaseEndsAt < delivery.settledAt) return 'lease-end';
  if (claim.acceptance === 'durable') return undefined;
  const until = delivery.settledAt + claim.acceptanceWithinMs;
  const isSent = claim.acceptance === 'sent';
  const fault = ledger.faultSpans.find(
    delivery.settledAt,
    until,
    (each) => each.disconnects && (each.scope === 'broker' || (isSent && hits(each, delivery))),
  );
  if (fault !== undefined) return 'acceptance-undone';
  if (!isSent) return undefined;
  const { holder } = delivery;
  if (holder.exitedAt < Infinity && holder.lastAt <= until) return 'acceptance-undone';
  return holder.breaks.find(delivery.settledAt, until, (entry) => concerns(entry, delivery)) && 'acceptance-undone';
}

/** Nobody meant to lose it: another outcome than the handler's decided. Two copies may be the result of one delivery. */
export function isDisruption(explanation: Explanation): boolean {
  return explanation !== 'handler-error' && explanation !== 'release';
}
