import { clockError, type Delivery, type Ledger, type Message, type Subscription } from '../ledger.ts';

/** The deliveries of a message, those of each subscription together, in the order of their start. */
export function bySubscription(message: Message): readonly (readonly Delivery[])[] {
  const { deliveries } = message;
  const first = deliveries[0];
  if (first === undefined) return [];
  if (deliveries.every(({ subscription }) => subscription === first.subscription)) return [deliveries];
  const lists = new Map<Subscription, Delivery[]>();
  for (const delivery of deliveries) {
    const list = lists.get(delivery.subscription);
    if (list === undefined) lists.set(delivery.subscription, [delivery]);
    else list.push(delivery);
  }
  return [...lists.values()];
}

export function deliveriesIn(message: Message, subscription: Subscription): readonly Delivery[] {
  const { deliveries } = message;
  return deliveries.every((delivery) => delivery.subscription === subscription)
    ? deliveries
    : deliveries.filter((delivery) => delivery.subscription === subscription);
}

/** The subscriptions that must get the message if it was stored. */
export function owedTo(ledger: Ledger, message: Message): readonly Subscription[] {
  if (message.expect !== undefined) return message.expect.flatMap((name) => ledger.subscriptions.get(name) ?? []);
  const bindings = ledger.bindings.get(message.destination) ?? [];
  const uncertainty = message.sender?.uncertaintyMs ?? 0;
  return bindings
    .filter(({ owedAfter }) => message.invokeAt - uncertainty > owedAfter)
    .map(({ subscription }) => subscription);
}

/** Most copies that the broker may hold because of publishing alone. */
export function mostCopies(ledger: Ledger, message: Message): number {
  if (ledger.claim.dedup) return 1;
  const { invokes, fails, extraSends } = message;
  return ledger.claim.resend && mayHaveBeenResent(ledger, message) ? Infinity : invokes - fails + extraSends;
}

function mayHaveBeenResent(ledger: Ledger, message: Message): boolean {
  return message.oks < message.invokes || ledger.disturbances.find(message.invokeAt, message.okAt) !== undefined;
}

/** The dead letters of a message that one subscription gave up. */
export function deadLettersIn(message: Message, subscription: Subscription) {
  return message.deadLetters?.filter((letter) => letter.subscription === subscription) ?? [];
}

/** Given up in a way that the claim allows. */
export function isGivenUp(ledger: Ledger, message: Message, subscription: Subscription): boolean {
  if (deadLettersIn(message, subscription).length > 0) return true;
  if (ledger.claim.deadLetter !== 'discarded') return false;
  const deliveries = deliveriesIn(message, subscription);
  if (deliveries.some(({ settlement, settleOutcome }) => settlement === 'reject' && settleOutcome === 'ok'))
    return true;
  return deliveries.filter(({ ok }) => ok === false).length >= (ledger.claim.maxAttempts ?? Infinity);
}

/** The handling that counts for the order: the first that succeeded, or the last one before the message was given up. */
export function decisiveHandling(deliveries: readonly Delivery[]): Delivery | undefined {
  return deliveries.find(({ ok }) => ok === true) ?? deliveries.at(-1);
}

/** Certainly earlier: by the order of the file inside one process, beyond the clocks' error across two. */
export function startsBefore(left: Delivery, right: Delivery): boolean {
  if (left.holder === right.holder) return left.ordinal < right.ordinal;
  return left.at + clockError(left.holder, right.holder) < right.at;
}

/** When the handler certainly still ran: to its recorded end, or as long as its process was heard of. */
export function ranUntil(delivery: Delivery): number {
  return delivery.ok === undefined ? delivery.holder.lastAt : delivery.endedAt;
}

/** The latest drain of a subscription that found nothing left. */
export function emptyDrain(ledger: Ledger, subscription: Subscription) {
  const drains = [subscription.drain, ledger.drain].flatMap((drain) => (drain?.depth === 0 ? [drain] : []));
  return drains.toSorted((left, right) => right.ordinal - left.ordinal)[0];
}
