import type { Fate } from '../emulate/fate.ts';
import { WaybillError } from '../error/error.ts';
import { compose, type Middleware, skip } from '../middleware/middleware.ts';
import type { Loan, Outcome } from './loan.ts';
import type { ConsumerTerms } from './terms.ts';

/** From a delivery to its fate: whether it may run, its value, the handler, and what follows. Never rejects. */
export function runner(terms: ConsumerTerms, fate: Fate): (loan: Loan) => Promise<void> | void {
  const run = terms.atMostOnce ? runForgotten : runThenSettle;
  const guarded = handlerOf(terms);
  const { matches, expires, mostDeliveries, clock } = terms;
  return (loan) => {
    const { incoming } = loan;
    if (incoming.attempt !== undefined && incoming.attempt > 1 && loan.attempt > mostDeliveries)
      return fate.bury(loan, 'exhausted', new Error('it was delivered again and again, and no run ended'));
    if (matches && !matches(incoming)) return loan.settle(accepted);
    if (expires && Number(incoming.headers['waybill-expires'] ?? Infinity) <= clock.now())
      return fate.bury(loan, 'expired', new Error('it was not reached within its time to live'));
    return run(loan, terms, guarded, fate);
  };
}

/** Decodes and handles. Throws or rejects as they do; `undefined` when all of it was synchronous. */
type Guarded = (loan: Loan) => unknown;

/** at-least-once: the handler first, then the outcome. */
function runThenSettle(loan: Loan, terms: ConsumerTerms, guarded: Guarded, fate: Fate): Promise<void> | void {
  try {
    const running = guarded(loan);
    if (isPromise(running))
      return running.then(
        () => conclude(loan, terms),
        (error: unknown) => failed(loan, fate, error),
      );
    conclude(loan, terms);
  } catch (error) {
    return failed(loan, fate, error);
  }
}
function conclude(loan: Loan, { byHand }: ConsumerTerms): void {
  if (!byHand && loan.isFree) loan.settle(accepted);
}
const failed = (loan: Loan, fate: Fate, error: unknown): Promise<void> =>
  WaybillError.is(error, 'decode') && loan.value === undefined
    ? fate.bury(loan, 'undecodable', error)
    : fate.failed(loan, error);

/** at-most-once: the broker has forgotten it before it got here, so whatever happens it is not run again. */
async function runForgotten(loan: Loan, _terms: ConsumerTerms, guarded: Guarded, fate: Fate): Promise<void> {
  loan.forgotten();
  try {
    await guarded(loan);
  } catch (error) {
    await fate.failed(loan, error);
  }
}

/** Decode, middleware, handler, timeout and observation, as far as each is asked for. */
function handlerOf(terms: ConsumerTerms): Guarded {
  const { decode, handler, middleware, handlerTimeoutMs, observer } = terms;
  const call = (loan: Loan): unknown => handler(loan.value, loan);
  const chained = middleware.length === 0 ? call : chain(middleware, call);
  const timed = handlerTimeoutMs === undefined ? chained : withTimeout(chained, handlerTimeoutMs, terms);
  const handle = (loan: Loan): unknown => (observer.tellsHandled ? observed(loan, timed, terms) : timed(loan));
  return (loan) => {
    const value = decode(loan.incoming);
    if (isPromise(value)) return value.then((done) => handle(withValue(loan, done)));
    return handle(withValue(loan, value));
  };
}
function withValue(loan: Loan, value: unknown): Loan {
  loan.value = value;
  return loan;
}

/** Plain JavaScript can forget `next()`: that is a failed run, not a message accepted without one. */
function chain(middleware: readonly Middleware[], call: (loan: Loan) => unknown): (loan: Loan) => Promise<void> {
  const composed = compose(middleware, async (delivery) => {
    await call(delivery as Loan);
    return skip;
  });
  return async (loan) => {
    const passed: unknown = await composed(loan);
    if (passed !== skip)
      throw new WaybillError('invalid', 'a middleware ended without `return next()`, or `return skip`');
  };
}

/** A handler that ignores its signal runs on; its slot is free, and its message is tried again as the policy says. */
function withTimeout(
  call: (loan: Loan) => unknown,
  timeoutMs: number,
  { clock, name }: ConsumerTerms,
): (loan: Loan) => Promise<unknown> {
  return (loan) =>
    new Promise((resolve, reject) => {
      const { signal } = loan;
      const timer = clock.after(timeoutMs, () => {
        const error = new WaybillError('timeout', `${name}: the handler did not end within ${timeoutMs} ms`, {
          destination: name,
        });
        if (!signal.aborted) loan.interrupt(error);
        reject(error);
      });
      void (async () => call(loan))()
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });
}

async function observed(loan: Loan, call: (loan: Loan) => unknown, { observer, name }: ConsumerTerms): Promise<void> {
  const from = performance.now();
  const tell = (failure: object): void =>
    observer.handled({
      source: name,
      id: loan.id,
      attempt: loan.attempt,
      durationMs: performance.now() - from,
      ...failure,
    });
  try {
    await call(loan);
    tell({});
  } catch (error) {
    tell({ error });
    throw error;
  }
}

const accepted: Outcome = Object.freeze({ outcome: 'accept' });
const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
