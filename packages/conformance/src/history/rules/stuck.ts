import { ms, type Findings } from '../findings.ts';
import type { Gap, Ledger, Message, Subscription } from '../ledger.ts';
import { decisiveHandling, deliveriesIn, emptyDrain, isGivenUp, owedTo } from './shared.ts';

/** So many gaps of one subscription are looked into: each costs a walk over the messages. */
const MOST_GAPS = 100;

/** While messages wait and no fault is on, something moves within the claimed time. */
export function judgeProgress(ledger: Ledger, findings: Findings): void {
  const bound = ledger.claim.progressWithinMs;
  for (const subscription of ledger.subscriptions.values()) {
    const gaps = [...subscription.gaps, ...lastGap(ledger, subscription)];
    for (const gap of gaps.slice(0, MOST_GAPS)) {
      const stuck = calmParts(ledger, gap).find(
        (part) => part.to - part.from > bound && hasWaiting(ledger, subscription, part, gap),
      );
      if (stuck !== undefined) report(ledger, findings, subscription, gap, stuck);
    }
  }
}

/** From the last progress to the end of the history, or to the drain that found nothing left; none without consumers. */
function lastGap(ledger: Ledger, subscription: Subscription): Gap[] {
  if (subscription.consumers.size === 0) return [];
  const { lastProgressAt: from, lastProgressOrdinal: fromOrdinal } = subscription;
  const drain = emptyDrain(ledger, subscription);
  const to = drain?.at ?? ledger.lastAt;
  const toOrdinal = drain?.ordinal ?? ledger.tally.events - 1;
  return to - from > ledger.claim.progressWithinMs ? [{ from, to, fromOrdinal, toOrdinal }] : [];
}

interface Part {
  readonly from: number;
  readonly to: number;
}

/** What remains of a gap without the times of faults. */
function calmParts(ledger: Ledger, gap: Gap): Part[] {
  let { from } = gap;
  const parts: Part[] = [];
  const faults = [...ledger.faults.values()].filter((fault) => fault.to >= gap.from && fault.from <= gap.to);
  for (const fault of faults.toSorted((left, right) => left.from - right.from)) {
    if (fault.from > from) parts.push({ from, to: fault.from });
    from = Math.max(from, fault.to);
  }
  if (from < gap.to) parts.push({ from, to: gap.to });
  return parts;
}

function hasWaiting(ledger: Ledger, subscription: Subscription, part: Part, gap: Gap): boolean {
  const bound = ledger.claim.progressWithinMs;
  for (const message of ledger.messages.values()) {
    if (message.okAt + bound >= part.to || message.expiresAt < gap.to) continue;
    if (!owedTo(ledger, message).includes(subscription)) continue;
    if (doneAt(ledger, message, subscription) >= gap.to) return true;
  }
  return false;
}

/** `-Infinity` for a message that was lost: nothing can move because of it. */
function doneAt(ledger: Ledger, message: Message, subscription: Subscription): number {
  const deliveries = deliveriesIn(message, subscription);
  const decisive = decisiveHandling(deliveries);
  if (decisive?.ok === true) return decisive.at;
  if (isGivenUp(ledger, message, subscription)) return decisive?.at ?? -Infinity;
  return emptyDrain(ledger, subscription) === undefined ? Infinity : -Infinity;
}

function report(ledger: Ledger, findings: Findings, subscription: Subscription, gap: Gap, part: Part): void {
  const healed = [...ledger.faults.values()].find((fault) => fault.to === part.from);
  findings.add({
    class: 'stuck',
    means: 'invalid',
    message: undefined,
    subscription: subscription.name,
    detail: `nothing moved for ${ms(part.to - part.from)}${healed === undefined ? '' : ` after fault ${healed.fault} was healed`}, claimed ${ledger.claim.progressWithinMs} ms`,
    ordinals: [gap.fromOrdinal, gap.toOrdinal],
  });
}
