import { clockError, type Delivery, type Ledger, type Message } from '../ledger.ts';

/** One message of an ordered group as one subscription handled it. */
export interface Member {
  readonly message: Message;
  readonly deliveries: readonly Delivery[];
  readonly first: Delivery;
}

/** The publish of `later` began after that of `earlier` was confirmed (or, pipelined, begun). */
export function isOrdered(ledger: Ledger, earlier: Message, later: Message): boolean {
  if (ledger.claim.sendOrder === 'called' && earlier.sender === later.sender)
    return earlier.invokeOrdinal < later.invokeOrdinal;
  if (earlier.sender === later.sender) return earlier.okOrdinal < later.invokeOrdinal;
  return earlier.okAt + clockError(earlier.sender, later.sender) < later.invokeAt;
}
