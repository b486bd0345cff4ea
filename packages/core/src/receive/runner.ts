import type { Fate } from '../emulate/fate.ts';
import type { BuryReason } from '../emulate/retry.ts';
import { invalid, WaybillError } from '../error/error.ts';
import { compose, type Middleware, skip } from '../middleware/middleware.ts';
import type { Loan, Outcome } from './loan.ts';
import type { ConsumerTerms } from './terms.ts';

/** What a consumer does with a delivery whose turn it is. */
export interface Work {
  /** Decodes and handles. Throws or rejects as they do; returns no promise when all of it was synchronous. */
  run(loan: Loan): unknown;
  /** The run ended well. */
  conclude(loan: Loan): void;
  /** It did not. Resolves when the delivery has its fate, or waits in place. */
  fail(loan: Loan, error: unknown): Promise<void> | void;
}

/** A delivery that must not be run: it goes to the dead letters as it is. */
class Doomed extends Error {
  readonly reason: BuryReason;
  constructor(reason: BuryReason, cause: unknown) {
    super(reason, { cause });
    this.reason = reason;
  }
}

/** From a delivery to its fate: whether it may run, its value, the handler, and what follows. */
export function workOf(terms: ConsumerTerms, fate: Fate): Work {
  const handle = handlerOf(terms);
  const { matches, byHand, atMostOnce } = terms;
  return {
    run(loan) {
      // At most once the broker has forgotten it before it got here: whatever happens, it is not run again.
      if (atMostOnce) loan.forgotten();
      refuseDoomed(loan, terms);
      return matches && !matches(loan.incoming) ? loan.settle(accepted) : handle(loan);
    },
    conclude(loan) {
      if (!byHand && loan.isFree) loan.settle(accepted);
    },
    fail: (loan, error) =>
      error instanceof Doomed ? fate.bury(loan, error.reason, error.cause) : fate.failed(loan, error),
  };
}

function refuseDoomed(loan: Loan, { mostDeliveries, expires, clock }: ConsumerTerms): void {
  const { incoming } = loan;
  const { attempt } = incoming;
  if (attempt !== undefined && attempt > 1 && loan.attempt > mostDeliveries)
    throw new Doomed('exhausted', new Error('it was delivered again and again, and no run ended'));
  if (expires && Number(incoming.headers['waybill-expires'] ?? Infinity) <= clock.now())
    throw new Doomed('expired', new Error('it was not reached within its time to live'));
}

/** Decode, middleware, handler, timeout and observation, as far as each is asked for. */
function handlerOf(terms: ConsumerTerms): (loan: Loan) => unknown {
  const { decode, handler, middleware, handlerTimeoutMs, observer } = terms;
  const call = (loan: Loan): unknown => handler(loan.value, loan);
  const chained = middleware.length === 0 ? call : chain(middleware, call);
  const timed = handlerTimeoutMs === undefined ? chained : withTimeout(chained, handlerTimeoutMs, terms);
  const handle = (loan: Loan): unknown => (observer.tellsHandled ? observed(loan, timed, terms) : timed(loan));
  return (loan) => {
    const value = decoded(loan, decode);
    if (isPromise(value)) return value.catch(undecodable).then((done) => handle(withValue(loan, done)));
    return handle(withValue(loan, value));
  };
}
function decoded(loan: Loan, decode: ConsumerTerms['decode']): unknown {
  try {
    return decode(loan.incoming);
  } catch (error) {
    return undecodable(error);
  }
}
function undecodable(error: unknown): never {
  throw new Doomed('undecodable', error);
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
    if (passed !== skip) throw invalid('a middleware ended without `return next()`, or `return skip`');
  };
}

/** A handler that ignores its signal runs on; its slot is free, and its message is tried again as the policy says. */
function withTimeout(
  call: (loan: Loan) => unknown,
  timeoutMs: number,
  { clock, name, exactlyOnce }: ConsumerTerms,
): (loan: Loan) => Promise<unknown> {
  return (loan) =>
    new Promise((resolve, reject) => {
      const { signal } = loan;
      let late: WaybillError | undefined;
      const timer = clock.after(timeoutMs, () => {
        const error = new WaybillError('timeout', `${name}: the handler did not end within ${timeoutMs} ms`, {
          destination: name,
        });
        if (!signal.aborted) loan.interrupt(error);
        // Exactly once: as long as the old run could still send, there is no other.
        if (exactlyOnce) late = error;
        else reject(error);
      });
      void (async () => call(loan))()
        .then((done) => (late ? reject(late) : resolve(done)), reject)
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
/** Anything with a `then` is waited for. */
export const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
