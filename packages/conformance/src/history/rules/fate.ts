import { deliveryOrdinals, ms, publishOrdinals, type Findings } from '../findings.ts';
import { clockError, type Delivery, type Ledger, type Message } from '../ledger.ts';
import { bySubscription, deadLettersIn, mostCopies } from './shared.ts';

/** A message has one end: accepted, dead-lettered, or expired. */
export function judgeFates(ledger: Ledger, findings: Findings): void {
  for (const message of ledger.messages.values()) {
    if (message.invokes === 0) continue;
    for (const deliveries of bySubscription(message)) {
      if (message.deadLetters !== undefined && mostCopies(ledger, message) === 1)
        judgeDeadLetter(ledger, findings, message, deliveries);
      judgeExpiry(ledger, findings, message, deliveries[0]!);
    }
  }
}

function judgeDeadLetter(ledger: Ledger, findings: Findings, message: Message, deliveries: readonly Delivery[]): void {
  const accepted = deliveries.find((delivery) => wasDone(ledger, delivery));
  const [letter] = deadLettersIn(message, deliveries[0]!.subscription);
  if (accepted === undefined || letter === undefined) return;
  if (deliveries.some((delivery, index) => mayHaveLeftBoth(ledger, delivery, deliveries[index + 1]))) return;
  findings.add({
    class: 'double-fate',
    means: 'invalid',
    message: message.id,
    subscription: accepted.subscription.name,
    detail: `handled and accepted by ${accepted.holder.name}, and dead-lettered (${letter.reason ?? 'no reason'})`,
    ordinals: [message.invokeOrdinal, ...deliveryOrdinals(accepted), letter.ordinal],
  });
}

/** Handled, and accepted; where settlements were not recorded, handled without anything that could have undone it. */
function wasDone(ledger: Ledger, delivery: Delivery): boolean {
  if (delivery.ok !== true) return false;
  if (delivery.settlement !== undefined) return delivery.settlement === 'accept' && delivery.settleOutcome === 'ok';
  return ledger.disturbances.find(delivery.at, delivery.endedAt + ledger.claim.acceptanceWithinMs) === undefined;
}

/** A dead letter is stored before the original is accepted: a loss in between leaves both, as at-least-once allows. */
function mayHaveLeftBoth(ledger: Ledger, delivery: Delivery, next: Delivery | undefined): boolean {
  const until = Math.min(delivery.settledAt, next?.at ?? Infinity);
  return delivery.ok !== true && ledger.disturbances.find(delivery.at, until) !== undefined;
}

/** The time to live runs from the moment it was stored, which is at the latest that of the confirm. */
function judgeExpiry(ledger: Ledger, findings: Findings, message: Message, first: Delivery): void {
  if (message.expiresAt === Infinity || message.oks === 0) return;
  const until = message.expiresAt + (message.okAt - message.invokeAt);
  const late = first.at - until - clockError(message.sender, first.holder);
  if (late <= ledger.claim.slackMs) return;
  findings.add({
    class: 'double-fate',
    means: 'invalid',
    message: message.id,
    subscription: first.subscription.name,
    detail: `delivered ${ms(late)} after it expired`,
    ordinals: [...publishOrdinals(message), first.ordinal],
  });
}
