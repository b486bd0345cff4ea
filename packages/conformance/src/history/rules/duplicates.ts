import { deliveryOrdinals, ms, type Findings } from '../findings.ts';
import { clockError, type Delivery, type Ledger, type Message } from '../ledger.ts';
import { startedLate, whyReturned } from '../returned.ts';
import type { AnomalyClass, Explanation } from '../verdict.ts';
import { bySubscription, mostCopies } from './shared.ts';

/** How far back the delivery is looked for that came again; keeps a message that loops for ever linear. */
const LOOK_BACK = 16;

/** Explains every delivery after the first, each by one earlier delivery that went back or by one more copy. */
export function judgeDuplicates(ledger: Ledger, findings: Findings): void {
  for (const message of ledger.messages.values()) {
    if (message.invokes === 0 || message.deliveries.length < 2) continue;
    for (const deliveries of bySubscription(message)) judge(ledger, findings, message, deliveries);
  }
}

function judge(ledger: Ledger, findings: Findings, message: Message, deliveries: readonly Delivery[]): void {
  let spare = mostCopies(ledger, message) - 1;
  for (let index = 1; index < deliveries.length; index += 1) {
    const delivery = deliveries[index]!;
    delivery.cause = isRunAgainLate(ledger, deliveries, index)
      ? 'late-start'
      : returnedBefore(ledger, deliveries, index, isCertain);
    if (delivery.cause === undefined && spare > 0) {
      spare -= 1;
      delivery.cause = message.oks < message.invokes ? 'unknown-publish' : 'repeated-publish';
    }
    delivery.cause ??= returnedBefore(ledger, deliveries, index, isTolerated);
    if (isLateStart(ledger, deliveries, index)) delivery.cause ??= 'late-start';
    if (delivery.cause === undefined) report(ledger, findings, deliveries, index);
    else count(ledger, delivery.cause);
  }
}

/** It was handed out before one that started earlier elsewhere, and it starts only now. */
function isLateStart(ledger: Ledger, deliveries: readonly Delivery[], index: number): boolean {
  const late = deliveries[index]!;
  const came = deliveries.slice(Math.max(0, index - LOOK_BACK), index);
  const elsewhere = came.filter(({ holder }) => holder !== late.holder);
  const isLate =
    elsewhere.some((other) => isOlder(late, other)) ||
    (elsewhere.length > 0 && (isUncounted(ledger) || wasHeld(ledger, came, late)));
  return isLate && startedLate(ledger, late);
}

/** It went on in place where it had failed before, though others had it in between: no rewind of the log. */
function isRunAgainLate(ledger: Ledger, deliveries: readonly Delivery[], index: number): boolean {
  const late = deliveries[index]!;
  const came = deliveries.slice(Math.max(0, index - LOOK_BACK), index);
  const isRunAgain = isUncounted(ledger) && came.at(-1)?.holder !== late.holder && wasHeld(ledger, came, late);
  return isRunAgain && startedLate(ledger, late);
}

/** Its holder kept it after a failure, to run it again in place: nobody handed it out a second time. */
function wasHeld({ claim }: Ledger, came: readonly Delivery[], { holder }: Delivery): boolean {
  return claim.retry === 'held' && came.findLast((each) => each.holder === holder)?.ok === false;
}

/** A group that goes on behind its position: of two deliveries nobody says which was handed out first. */
function isUncounted({ claim }: Ledger): boolean {
  return claim.onRedelivery === 'rewind' && claim.acceptance !== 'durable';
}

/** By the broker's own count. */
function isOlder(one: Delivery, other: Delivery): boolean {
  if (one.redelivered !== true && (one.attempt ?? 1) === 1) return other.redelivered === true;
  return one.attempt !== undefined && other.attempt !== undefined && one.attempt < other.attempt;
}

function count(ledger: Ledger, cause: Explanation): void {
  ledger.explained[cause] = (ledger.explained[cause] ?? 0) + 1;
}

function isCertain(reason: Explanation): boolean {
  return reason !== 'acceptance-undone';
}

/** Taken only where nothing better is at hand: it forgives what is right by luck alone. */
function isTolerated(reason: Explanation): boolean {
  return !isCertain(reason);
}

function returnedBefore(
  ledger: Ledger,
  deliveries: readonly Delivery[],
  index: number,
  isWanted: (reason: Explanation) => boolean,
): Explanation | undefined {
  if (ledger.claim.delivery === 'at-most-once') return undefined;
  const next = deliveries[index]!;
  for (let back = index - 1; back >= Math.max(0, index - LOOK_BACK); back -= 1) {
    const earlier = deliveries[back]!;
    if (earlier.returns >= mostReturns(ledger, earlier, next)) continue;
    const reason = whyReturned(ledger, earlier, next);
    if (reason === undefined || !isWanted(reason)) continue;
    earlier.returns += 1;
    return reason;
  }
  return undefined;
}

/** A delivery comes back once. Where a retry is a copy, a loss before an acceptance on its way leaves one more. */
function mostReturns(ledger: Ledger, delivery: Delivery, next: Delivery): number {
  if (ledger.claim.retry !== 'copy' || delivery.ok !== false) return 1;
  const until = Math.min(delivery.settledAt, next.at);
  return ledger.disturbances.find(delivery.at, until) !== undefined ? 1 + ledger.claim.copies : 1;
}

function report(ledger: Ledger, findings: Findings, deliveries: readonly Delivery[], index: number): void {
  const next = deliveries[index]!;
  const { anomaly, earlier } = classify(ledger, deliveries, index);
  const isWarning = anomaly === 'duplicated' && ledger.claim.unexplained === 'warn' && ledger.faults.size > 0;
  findings.add({
    class: anomaly,
    means: isWarning ? 'warning' : 'invalid',
    message: next.message.id,
    subscription: next.subscription.name,
    detail: `delivery ${index + 1}, to ${next.holder.name}, ${ms(next.at - earlier.at)} after the one to ${earlier.holder.name}, ${describe(earlier)}`,
    ordinals: [next.message.invokeOrdinal, ...deliveryOrdinals(earlier), next.ordinal],
  });
}

function describe({ ok, settlement, settleOutcome }: Delivery): string {
  const handler = ok === undefined ? 'still in its handler' : ok ? 'handled' : 'failed';
  return settlement === undefined
    ? `which was ${handler} and not settled`
    : `which was ${handler}, ${settlement} ${settleOutcome}`;
}

/** The worst thing that an unexplained delivery does to an earlier one that is still accounted for. */
function classify(
  ledger: Ledger,
  deliveries: readonly Delivery[],
  index: number,
): { readonly anomaly: AnomalyClass; readonly earlier: Delivery } {
  const next = deliveries[index]!;
  const previous = deliveries[index - 1]!;
  if (ledger.claim.delivery === 'at-most-once') return { anomaly: 'duplicated', earlier: previous };
  const recent = deliveries
    .slice(Math.max(0, index - LOOK_BACK), index)
    .filter(({ returns }) => returns === 0)
    .toReversed();
  const running = recent.find((earlier) => next.at + clockError(earlier.holder, next.holder) < earlier.endedAt);
  if (running !== undefined) return { anomaly: 'concurrent-delivery', earlier: running };
  const settled = recent.find((earlier) => earlier.settledAt + clockError(earlier.holder, next.holder) < next.at);
  if (settled !== undefined)
    return { anomaly: isFirstOfItsCopy(next) ? 'duplicated' : 'resurrected', earlier: settled };
  const leased = recent.find(
    (earlier) =>
      earlier.leaseEndsAt < Infinity && next.at + clockError(earlier.holder, next.holder) < earlier.leaseEndsAt,
  );
  if (leased !== undefined) return { anomaly: 'premature-redelivery', earlier: leased };
  return { anomaly: 'duplicated', earlier: previous };
}

/** It says itself that nobody had it before: the broker holds a second copy, the accepted one did not come back. */
function isFirstOfItsCopy({ attempt, redelivered }: Delivery): boolean {
  return attempt === 1 && redelivered !== true;
}
