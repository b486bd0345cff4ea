import type { Delivery } from '../receive/delivery.ts';

declare const passed: unique symbol;
/** Proof that the rest of the chain ran, or was left out on purpose. A middleware that forgets `return next()` does not compile. */
export interface Passed {
  readonly [passed]: true;
}
/** Around the handler. Throwing is failing: the retry policy decides. */
export type Middleware = (delivery: Delivery, next: () => Promise<Passed>) => Promise<Passed>;

/** For a middleware that answers itself: the delivery is accepted and the handler does not run. */
export const skip: Passed = Object.freeze({}) as Passed;

/** The chain around `last`, the first outermost. */
export const compose = (
  chain: readonly Middleware[],
  last: (delivery: Delivery) => Promise<Passed>,
): ((delivery: Delivery) => Promise<Passed>) =>
  chain.reduceRight<(delivery: Delivery) => Promise<Passed>>(
    (next, middleware) => (delivery) => middleware(delivery, () => next(delivery)),
    last,
  );
