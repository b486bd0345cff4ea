import { deliveryOrdinals, ms, type Findings } from '../findings.ts';
import type { Delivery, Ledger, Message, Subscription } from '../ledger.ts';
import { judgeAgreement } from './agreement.ts';
import { isOrdered, type Member } from './member.ts';
import { judgeReplay } from './replay.ts';
import { decisiveHandling, deliveriesIn, startsBefore } from './shared.ts';

/** Messages start in the order in which they were published, as far as the claim orders them. */
export function judgeOrder(ledger: Ledger, findings: Findings): void {
  for (const group of ledger.groups.values()) {
    const subscriptions = subscriptionsOf(group);
    for (const subscription of subscriptions) {
      const members = membersOf(group, subscription);
      if (ledger.claim.onRedelivery === 'rewind') judgeReplay(ledger, findings, members);
      else judgeStarts(ledger, findings, members);
    }
    if (ledger.claim.order === 'total')
      judgeAgreement(
        findings,
        [...subscriptions].map((subscription) => membersOf(group, subscription)),
      );
  }
}

function subscriptionsOf(group: readonly Message[]): ReadonlySet<Subscription> {
  const subscriptions = new Set<Subscription>();
  for (const { deliveries } of group) for (const { subscription } of deliveries) subscriptions.add(subscription);
  return subscriptions;
}

/** What was delivered and confirmed, in the order of publishing. The place of an unconfirmed message is not known. */
function membersOf(group: readonly Message[], subscription: Subscription): Member[] {
  return group.flatMap((message) => {
    const deliveries = deliveriesIn(message, subscription);
    const first = deliveries[0];
    return first === undefined || message.oks === 0 ? [] : [{ message, deliveries, first }];
  });
}

/** `block`: before a message starts, all earlier ones are done. `skip`: they have at least started once. */
function judgeStarts(ledger: Ledger, findings: Findings, members: readonly Member[]): void {
  const earlier =
    ledger.claim.sendOrder === 'called'
      ? members
      : [...members].toSorted((left, right) => left.message.okOrdinal - right.message.okOrdinal);
  let next = 0;
  let latest: Delivery | undefined;
  for (const member of members) {
    while (next < earlier.length && isOrdered(ledger, earlier[next]!.message, member.message)) {
      const start = decidingStart(ledger, earlier[next]!);
      if (start !== undefined && (latest === undefined || start.at > latest.at)) latest = start;
      next += 1;
    }
    if (latest !== undefined && startsBefore(member.first, latest)) report(findings, member.first, latest);
  }
}

function decidingStart(ledger: Ledger, { message, deliveries, first }: Member): Delivery | undefined {
  if (ledger.claim.onRedelivery !== 'skip') return decisiveHandling(deliveries);
  const wasHandedOutBefore = first.redelivered === true || (first.attempt ?? 1) > 1;
  return wasHandedOutBefore || ledger.disturbances.find(message.invokeAt, first.at) !== undefined ? undefined : first;
}

function report(findings: Findings, later: Delivery, earlier: Delivery): void {
  findings.add({
    class: 'reordered',
    means: 'invalid',
    message: later.message.id,
    subscription: later.subscription.name,
    detail: `started ${ms(earlier.at - later.at)} before ${earlier.message.id}, which was published before it`,
    ordinals: [
      earlier.message.invokeOrdinal,
      earlier.message.okOrdinal,
      later.message.invokeOrdinal,
      later.ordinal,
      ...deliveryOrdinals(earlier),
    ],
  });
}
