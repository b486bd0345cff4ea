import { Backlog } from '../backlog.ts';
import { type Loan, returned } from './loan.ts';

/** Hands deliveries to a loop, one at a time, and knows which are still with it. */
export class HandOver {
  readonly #atMostOnce: boolean;
  readonly #ready = new Backlog<Loan>();
  readonly #held = new Map<Loan, () => void>();
  readonly #waiting: (() => void)[] = [];
  #ended = false;

  constructor(atMostOnce: boolean) {
    this.#atMostOnce = atMostOnce;
  }

  /** A handler that ends when the loop has settled the delivery, or lost it; at most once, when the loop has taken it. */
  readonly handle = (_value: unknown, loan: Loan): Promise<void> =>
    new Promise((resolve) => {
      this.#held.set(loan, resolve);
      loan.onHeld = () => this.#done(loan);
      if (!this.#atMostOnce) void loan.outcome().then(() => this.#done(loan));
      if (this.#ended) return this.#giveBack(loan);
      this.#ready.push(loan);
      this.#waiting.shift()?.();
    });

  /** The next delivery that is still ours; `undefined` at the end. */
  async next(): Promise<Loan | undefined> {
    for (;;) {
      const loan = this.#ready.shift();
      if (loan && this.#atMostOnce) this.#done(loan);
      if (loan && (loan.isOpen || this.#atMostOnce)) return loan;
      if (loan) continue;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Gives back what is not settled, or leaves it to the consumer's own end; from then on `next` ends. */
  end(): void {
    this.#ended = true;
    for (const told of this.#waiting.splice(0)) told();
    for (const loan of [...this.#held.keys()]) this.#giveBack(loan);
  }

  #giveBack(loan: Loan): void {
    if (loan.isFree && !loan.staysInOrder) loan.settle(returned);
    else this.#done(loan);
  }
  #done(loan: Loan): void {
    this.#held.get(loan)?.();
    this.#held.delete(loan);
  }
}
