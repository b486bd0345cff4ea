import type { Loan } from './loan.ts';

/**
 * The loans of a lane, oldest first, linked through themselves. A `Set` that something enters and leaves for every
 * message is rebuilt all the time, and each outgrown table keeps its entries and its successor alive: an old one then
 * holds every later loan until the next full garbage collection.
 */
export class LoanList {
  #first: Loan | undefined;
  #last: Loan | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(loan: Loan): void {
    loan.isListed = true;
    loan.previous = this.#last;
    if (this.#last) this.#last.next = loan;
    else this.#first = loan;
    this.#last = loan;
    this.#size++;
  }

  /** False: it was not in the list. */
  delete(loan: Loan): boolean {
    if (!loan.isListed) return false;
    const { previous, next } = loan;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    loan.previous = loan.next = undefined;
    loan.isListed = false;
    this.#size--;
    return true;
  }

  /** What is done with one may take others out of the list. */
  toArray(): Loan[] {
    const all: Loan[] = [];
    for (let loan = this.#first; loan; loan = loan.next) all.push(loan);
    return all;
  }
}
