import type { Clock } from '../clock.ts';
import type { Incoming } from '../driver/message.ts';
import type { Fate } from '../emulate/fate.ts';
import { WaybillError } from '../error/error.ts';
import { compose, type Middleware, type Passed, skip } from '../middleware/middleware.ts';
import type { Observer } from '../observe/observer.ts';
import type { Decode } from './decode.ts';
import type { Loan, Outcome } from './loan.ts';

export interface RunTerms {
  readonly source: string;
  readonly decode: Decode;
  readonly handler: (value: unknown, loan: Loan) => unknown;
  readonly middleware: readonly Middleware[];
  readonly handlerTimeoutMs: number | undefined;
  readonly atMostOnce: boolean;
  /** Deliveries after which a message is buried without a run, because each ended its consumer. */
  readonly mostDeliveries: number;
  /** Emulated filters: what does not match is accepted unseen. */
  readonly matches: ((incoming: Incoming) => boolean) | undefined;
  /** Emulated time to live. */
  readonly expires: boolean;
  /** Settling is left to the user: returning does not accept. */
  readonly byHand: boolean;
  readonly fate: Fate;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** From a delivery to its fate: whether it may run, its value, the handler, and what follows. Never rejects. */
export function runner(terms: RunTerms): (loan: Loan) => Promise<void> | void {
  const run = terms.atMostOnce ? runForgotten : runThenSettle;
  const guarded = handlerOf(terms);
  const { matches, expires, mostDeliveries, fate, clock } = terms;
  return (loan) => {
    const { incoming } = loan;
    if (incoming.attempt !== undefined && incoming.attempt > 1 && loan.attempt > mostDeliveries)
      return fate.bury(loan, 'exhausted', new Error('it was delivered again and again, and no run ended'));
    if (matches && !matches(incoming)) return loan.settle(accepted);
    if (expires && Number(incoming.headers['waybill-expires'] ?? Infinity) <= clock.now())
      return fate.bury(loan, 'expired', new Error('it was not reached within its time to live'));
    return run(loan, terms, guarded);
  };
}

/** Decodes and handles. Throws or rejects as they do; `undefined` when all of it was synchronous. */
type Guarded = (loan: Loan) => unknown;

/** at-least-once: the handler first, then the outcome. */
function runThenSettle(loan: Loan, terms: RunTerms, guarded: Guarded): Promise<void> | void {
  try {
    const running = guarded(loan);
    if (isPromise(running))
      return running.then(
        () => conclude(loan, terms),
        (error: unknown) => failed(loan, terms, error),
      );
    conclude(loan, terms);
  } catch (error) {
    return failed(loan, terms, error);
  }
}
function conclude(loan: Loan, { byHand }: RunTerms): void {
  if (!byHand && loan.isFree) loan.settle(accepted);
}
const failed = (loan: Loan, { fate }: RunTerms, error: unknown): Promise<void> =>
  WaybillError.is(error, 'decode') && loan.value === undefined
    ? fate.bury(loan, 'undecodable', error)
    : fate.failed(loan, error);

/** at-most-once: the broker has forgotten it before it got here, so whatever happens it is not run again. */
async function runForgotten(loan: Loan, { fate }: RunTerms, guarded: Guarded): Promise<void> {
  loan.forgotten();
  try {
    await guarded(loan);
  } catch (error) {
    await fate.failed(loan, error);
  }
}

/** Decode, middleware, handler, timeout and observation, as far as each is asked for. */
function handlerOf(terms: RunTerms): Guarded {
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

function chain(middleware: readonly Middleware[], call: (loan: Loan) => unknown): (loan: Loan) => Promise<Passed> {
  const composed = compose(middleware, async (delivery) => {
    await call(delivery as Loan);
    return skip;
  });
  return (loan) => composed(loan);
}

/** A handler that ignores its signal runs on; its slot is free, and its message is tried again as the policy says. */
function withTimeout(
  call: (loan: Loan) => unknown,
  timeoutMs: number,
  { clock, source }: RunTerms,
): (loan: Loan) => Promise<unknown> {
  return (loan) =>
    new Promise((resolve, reject) => {
      const { signal } = loan;
      const timer = clock.after(timeoutMs, () => {
        const error = new WaybillError('timeout', `${source}: the handler did not end within ${timeoutMs} ms`, {
          destination: source,
        });
        if (!signal.aborted) loan.interrupt(error);
        reject(error);
      });
      void (async () => call(loan))()
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });
}

async function observed(loan: Loan, call: (loan: Loan) => unknown, { observer, source }: RunTerms): Promise<void> {
  const from = performance.now();
  const tell = (failure: object): void =>
    observer.handled({ source, id: loan.id, attempt: loan.attempt, durationMs: performance.now() - from, ...failure });
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
