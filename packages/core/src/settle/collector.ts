import { type Clock, realClock } from '../clock.ts';
import type { Receipted } from '../driver/message.ts';
import type { LeaseReceiver, MessageReceiver, Settlement } from '../driver/receiver.ts';
import type { Loan, Outcome } from '../receive/loan.ts';

interface Settling {
  readonly loan: Loan;
  readonly outcome: Outcome;
}

export interface CollectorLimits {
  /** Most settlements of one call. */
  readonly maxBatch: number;
  /** Most deliveries unsettled at any time. */
  readonly maxInFlight: number;
  /** Before a settlement that failed is tried again, in milliseconds. */
  readonly retryMs: number;
}

/** While settlements keep coming, one call takes those of so long: the broker pays for each call too. Milliseconds. */
const gatherMs = 1;

/** Gathers settlements: those of one turn of the event loop, and under load those of a millisecond. */
export class Collector {
  readonly #receiver: MessageReceiver | LeaseReceiver;
  readonly #clock: Clock;
  readonly #maxBatch: number;
  /** With so many gathered, waiting on would hold up what the broker may send next. */
  readonly #enough: number;
  readonly #retryMs: number;
  #gathered: Settling[] = [];
  /** When the next call goes out: at the end of this turn, or after a pause. */
  #next: 'turn' | 'pause' | undefined;
  #calledAt = -gatherMs;
  #pending = 0;
  #idle: (() => void)[] = [];
  #lost = false;

  constructor(receiver: MessageReceiver | LeaseReceiver, clock: Clock, limits: CollectorLimits) {
    this.#receiver = receiver;
    this.#clock = clock;
    this.#maxBatch = limits.maxBatch;
    this.#enough = Math.min(limits.maxBatch, limits.maxInFlight >> 2);
    this.#retryMs = limits.retryMs;
  }

  add(loan: Loan, outcome: Outcome): void {
    this.#pending++;
    this.#gathered.push({ loan, outcome });
    if (this.#next === 'turn') return;
    if (this.#gathered.length >= this.#enough || (!this.#next && this.#isCalm)) {
      this.#next = 'turn';
      setImmediate(this.#call);
    } else if (!this.#next) {
      this.#next = 'pause';
      setTimeout(this.#call, gatherMs);
    }
  }
  /** Any clock but the real one may stand still while work goes on: under it nothing waits for real time to pass. */
  get #isCalm(): boolean {
    return this.#clock !== realClock || performance.now() - this.#calledAt >= gatherMs;
  }

  /** The receiver is gone: everything not yet answered is lost. */
  lose(): void {
    this.#lost = true;
    this.#flush();
  }

  /** Resolves when every settlement so far has its answer. */
  async flushed(): Promise<void> {
    this.#flush();
    if (this.#pending > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  readonly #call = (): void => {
    this.#next = undefined;
    this.#calledAt = performance.now();
    this.#flush();
  };
  #flush(): void {
    while (this.#gathered.length > 0) {
      const all = this.#gathered;
      this.#gathered = all.length <= this.#maxBatch ? [] : all.slice(this.#maxBatch);
      void this.#settle(all.length <= this.#maxBatch ? all : all.slice(0, this.#maxBatch));
    }
  }

  async #settle(batch: readonly Settling[]): Promise<void> {
    const outcomes = await this.#outcomes(batch);
    if (outcomes === allDone) for (const { loan } of batch) loan.done();
    else batch.forEach((item, index) => this.#answer(item, outcomes.get(index)));
    this.#pending -= batch.length;
    if (this.#pending === 0) for (const wake of this.#idle.splice(0)) wake();
  }

  /** Those that did not take effect. A call that rejects says so of all: it is made again while the receiver lives. */
  async #outcomes(batch: readonly Settling[]): Promise<ReadonlyMap<number, 'lost' | 'failed'>> {
    if (this.#lost) return everyOne(batch, 'lost');
    try {
      const unsettled = await this.#receiver.settle(batch.map(settlementOf));
      return unsettled.length === 0 ? allDone : new Map(unsettled.map(({ index, outcome }) => [index, outcome]));
    } catch {
      return everyOne(batch, this.#lost ? 'lost' : 'failed');
    }
  }

  #answer(item: Settling, outcome: 'lost' | 'failed' | undefined): void {
    if (outcome === undefined) return item.loan.done();
    if (outcome === 'lost' || this.#lost) return item.loan.lose();
    this.#pending++;
    this.#clock.after(this.#retryMs, () => {
      this.#pending--;
      this.add(item.loan, item.outcome);
    });
  }
}

const settlementOf = ({ loan, outcome }: Settling): Settlement => {
  const { receipt } = loan.incoming as Receipted;
  return outcome.outcome === 'accept' ? { receipt, outcome: 'accept' } : { ...outcome, receipt };
};
const allDone: ReadonlyMap<number, 'lost' | 'failed'> = new Map();
const everyOne = (batch: readonly unknown[], outcome: 'lost' | 'failed'): ReadonlyMap<number, 'lost' | 'failed'> =>
  new Map(batch.map((_, index) => [index, outcome]));
