import { deliveryOrdinals, type Findings } from '../findings.ts';
import type { Delivery, Message } from '../ledger.ts';
import type { Member } from './member.ts';
import { decisiveHandling, startsBefore } from './shared.ts';

/** A total order is one order: what two subscriptions both handled, they handled in the same sequence. */
export function judgeAgreement(findings: Findings, subscriptions: readonly (readonly Member[])[]): void {
  const [first, ...others] = subscriptions.map(sequenceOf);
  if (first === undefined) return;
  const places = new Map(first.map((delivery, place) => [delivery.message, place]));
  for (const sequence of others) judgeSequence(findings, first, places, sequence);
}

function sequenceOf(members: readonly Member[]): Delivery[] {
  const handlings = members.flatMap(({ deliveries }) => decisiveHandling(deliveries) ?? []);
  return handlings.toSorted((left, right) => left.ordinal - right.ordinal);
}

function judgeSequence(
  findings: Findings,
  first: readonly Delivery[],
  places: ReadonlyMap<Message, number>,
  sequence: readonly Delivery[],
): void {
  let furthest: { readonly place: number; readonly delivery: Delivery } | undefined;
  for (const delivery of sequence) {
    const place = places.get(delivery.message);
    if (place === undefined) continue;
    if (furthest === undefined || place > furthest.place) furthest = { place, delivery };
    else if (startsBefore(furthest.delivery, delivery) && startsBefore(first[place]!, first[furthest.place]!)) {
      report(findings, furthest.delivery, delivery, first[place]!, first[furthest.place]!);
    }
  }
}

function report(findings: Findings, early: Delivery, late: Delivery, otherEarly: Delivery, otherLate: Delivery): void {
  findings.add({
    class: 'reordered',
    means: 'invalid',
    message: late.message.id,
    subscription: late.subscription.name,
    detail: `handled after ${early.message.id} here, before it in ${otherEarly.subscription.name}`,
    ordinals: [early, late, otherEarly, otherLate].flatMap((delivery) => deliveryOrdinals(delivery).slice(0, 2)),
  });
}
