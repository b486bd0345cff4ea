import { deliveryOrdinals, type Findings } from '../findings.ts';
import type { Delivery, DeadLetter, Ledger, Message } from '../ledger.ts';
import { isDisruption } from '../returned.ts';
import { bySubscription, deadLettersIn, mostCopies } from './shared.ts';

/** Earlier deliveries that a witness shows. */
const EARLIER = 8;

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
    if (previous !== undefined && isCounted(ledger, previous, delivery)) failures += 1;
    if (previous !== undefined && !cameCalmly(ledger, previous, delivery)) isCalm = false;
    const least = isCalm || ledger.claim.retry === 'release' ? failures + 1 : 1;
    const wrong =
      wrongAttempt(delivery, least, isCalm ? index + 1 : Infinity) ??
      (isCalm ? wrongFlag(delivery, previous) : undefined);
    if (wrong !== undefined) report(findings, deliveries.slice(Math.max(0, index - EARLIER), index + 1), wrong);
  }
  return isCalm;
}

/** A failure explains why it came again, but a loss in between may have cost a run that nobody recorded. */
function cameCalmly(ledger: Ledger, previous: Delivery, { cause, at }: Delivery): boolean {
  return cause !== undefined && !isDisruption(cause) && ledger.disturbances.find(previous.at, at) === undefined;
}

/** A failure that the broker certainly heard of: a holder that lost the delivery meanwhile fails for itself alone. */
function isCounted(ledger: Ledger, failed: Delivery, next: Delivery): boolean {
  if (failed.ok !== false || next.cause === undefined || isDisruption(next.cause)) return false;
  if (failed.settlement !== undefined) return failed.settleOutcome === 'ok';
  return ledger.disturbances.find(failed.at, next.at) === undefined;
}

function wrongAttempt({ attempt }: Delivery, least: number, most: number): string | undefined {
  if (attempt === undefined || (attempt >= least && attempt <= most)) return undefined;
  const expected = least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  return `reports attempt ${attempt}, observed ${expected}`;
}

function wrongFlag({ redelivered }: Delivery, previous: Delivery | undefined): string | undefined {
  if (previous === undefined && redelivered === true) return 'reports a redelivery, though nobody had it before';
  if (previous?.settlement === 'release' && redelivered === false)
    return 'reports no redelivery, though it was given back before';
  return undefined;
}

function report(findings: Findings, deliveries: readonly Delivery[], detail: string): void {
  const { message, subscription } = deliveries.at(-1)!;
  const ordinals = [message.invokeOrdinal, ...deliveries.map(({ ordinal }) => ordinal)];
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
