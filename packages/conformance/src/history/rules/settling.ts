import { deliveryOrdinals, type Findings } from '../findings.ts';
import { clockError, type Delivery, type Ledger } from '../ledger.ts';
import { bySubscription, isGivenUp } from './shared.ts';

/** At-least-once: nothing is accepted before some handler completed it, or it was given up after failing. */
export function judgeSettling(ledger: Ledger, findings: Findings): void {
  if (ledger.claim.delivery === 'at-most-once') return;
  for (const message of ledger.messages.values()) {
    if (message.invokes === 0) continue;
    for (const deliveries of bySubscription(message)) judge(ledger, findings, deliveries);
  }
}

function judge(ledger: Ledger, findings: Findings, deliveries: readonly Delivery[]): void {
  for (const delivery of deliveries) {
    if (wasAccepted(delivery) && !wasEarned(ledger, delivery, deliveries)) report(findings, delivery);
  }
}

function wasAccepted({ settlement, settleOutcome }: Delivery): boolean {
  return settlement === 'accept' && settleOutcome === 'ok';
}

function wasEarned(ledger: Ledger, delivery: Delivery, deliveries: readonly Delivery[]): boolean {
  if (deliveries.some((each) => each.ok === true && endedBefore(each, delivery))) return true;
  if (delivery.ok !== false || !endedBefore(delivery, delivery)) return false;
  return ledger.claim.retry === 'copy' || isGivenUp(ledger, delivery.message, delivery.subscription);
}

function endedBefore(handled: Delivery, settled: Delivery): boolean {
  if (handled.holder === settled.holder) return handled.endOrdinal < settled.settleOrdinal;
  return handled.endedAt <= settled.settledAt + clockError(handled.holder, settled.holder);
}

function report(findings: Findings, delivery: Delivery): void {
  const handler = delivery.ok === undefined ? 'never ended' : delivery.ok ? 'ended later' : 'failed';
  findings.add({
    class: 'acked-unhandled',
    means: 'invalid',
    message: delivery.message.id,
    subscription: delivery.subscription.name,
    detail: `accepted by ${delivery.holder.name}, where its handler ${handler}`,
    ordinals: [delivery.message.invokeOrdinal, ...deliveryOrdinals(delivery)],
  });
}
