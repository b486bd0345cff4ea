import { deliveryOrdinals, type Findings } from '../findings.ts';
import type { Delivery, DeadLetter, Ledger, Message } from '../ledger.ts';
import { isDisruption } from '../returned.ts';
import { bySubscription, deadLettersIn, mostCopies } from './shared.ts';

/** What deliveries and dead letters say about how often a message was tried is what happened. */
export function judgeCounts(ledger: Ledger, findings: Findings): void {
  for (const message of ledger.messages.values()) {
    if (message.invokes === 0 || mostCopies(ledger, message) > 1) continue;
    for (const deliveries of bySubscription(message)) {
      const isCalm = judgeDeliveries(ledger, findings, message, deliveries);
      if (isCalm) judgeDeadLetters(ledger, findings, message, deliveries);
    }
  }
}

/** Whether nothing but failures and releases made it come again, so that every start was counted by everybody. */
function judgeDeliveries(
  ledger: Ledger,
  findings: Findings,
  message: Message,
  deliveries: readonly Delivery[],
): boolean {
  let isCalm = ledger.disturbances.find(message.invokeAt, deliveries[0]!.at) === undefined;
  let failures = 0;
  for (const [index, delivery] of deliveries.entries()) {
    const previous = deliveries[index - 1];
    if (previous?.ok === false) failures += 1;
    if (index > 0 && (delivery.cause === undefined || isDisruption(delivery.cause))) isCalm = false;
    const least = isCalm || ledger.claim.retry === 'release' ? failures + 1 : 1;
    judgeAttempt(findings, delivery, least, isCalm ? index + 1 : Infinity);
    if (isCalm) judgeFlag(findings, delivery, previous);
  }
  return isCalm;
}

function judgeAttempt(findings: Findings, delivery: Delivery, least: number, most: number): void {
  const { attempt } = delivery;
  if (attempt === undefined || (attempt >= least && attempt <= most)) return;
  const expected = least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  report(findings, delivery, `reports attempt ${attempt}, observed ${expected}`);
}

function judgeFlag(findings: Findings, delivery: Delivery, previous: Delivery | undefined): void {
  if (previous === undefined && delivery.redelivered === true)
    report(findings, delivery, 'reports a redelivery, though nobody had it before');
  if (previous?.settlement === 'release' && delivery.redelivered === false)
    report(findings, delivery, 'reports no redelivery, though it was given back before');
}

function report(findings: Findings, delivery: Delivery, detail: string): void {
  const { message, subscription } = delivery;
  const earlier = message.deliveries
    .filter((each) => each !== delivery && each.subscription === subscription)
    .slice(-8);
  const ordinals = [message.invokeOrdinal, ...earlier.map(({ ordinal }) => ordinal), delivery.ordinal];
  findings.add({
    class: 'wrong-count',
    means: 'invalid',
    message: message.id,
    subscription: subscription.name,
    detail,
    ordinals,
  });
}

function judgeDeadLetters(ledger: Ledger, findings: Findings, message: Message, deliveries: readonly Delivery[]): void {
  const last = deliveries.at(-1)!;
  for (const letter of deadLettersIn(message, last.subscription)) {
    const detail = wrongLetter(ledger, letter, deliveries);
    if (detail === undefined) continue;
    const ordinals = [message.invokeOrdinal, ...deliveryOrdinals(last), letter.ordinal];
    findings.add({
      class: 'wrong-count',
      means: 'invalid',
      message: message.id,
      subscription: last.subscription.name,
      detail,
      ordinals,
    });
  }
}

function wrongLetter(
  ledger: Ledger,
  { reason, attempts }: DeadLetter,
  deliveries: readonly Delivery[],
): string | undefined {
  const failures = deliveries.filter(({ ok }) => ok === false).length;
  const { maxAttempts } = ledger.claim;
  if (reason === 'attempts' && maxAttempts !== undefined && failures !== maxAttempts)
    return `dead-lettered after ${failures} failures, claimed ${maxAttempts}`;
  if (attempts !== undefined && (attempts < failures || attempts > deliveries.length))
    return `dead letter reports ${attempts} attempts, observed ${failures}`;
  return undefined;
}
