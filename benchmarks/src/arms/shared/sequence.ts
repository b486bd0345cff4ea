import type { SequenceFaults } from './measured.ts';

/** Checks numbers that should come as 0, 1, 2 and so on, each once. Costs one comparison while they do. */
export class Sequence {
  #next = 0;
  #seen = 0;
  #duplicates = 0;
  #outOfOrder = 0;
  readonly #early = new Set<number>();

  /** Numbers so far, without repetitions. */
  get seen(): number {
    return this.#seen;
  }

  see(number: number): void {
    if (number !== this.#next || this.#early.size > 0) return this.#seeOdd(number);
    this.#next++;
    this.#seen++;
  }

  faults(expected: number): SequenceFaults {
    return { lost: expected - this.#seen, duplicates: this.#duplicates, outOfOrder: this.#outOfOrder };
  }

  #seeOdd(number: number): void {
    if (number < this.#next || this.#early.has(number)) {
      this.#duplicates++;
      return;
    }
    this.#seen++;
    if (number !== this.#next) {
      this.#outOfOrder++;
      this.#early.add(number);
      return;
    }
    do this.#next++;
    while (this.#early.delete(this.#next));
  }
}

/** Of several sequences, the sum. */
export function addFaults(all: readonly SequenceFaults[]): SequenceFaults {
  const sum = { lost: 0, duplicates: 0, outOfOrder: 0 };
  for (const one of all) {
    sum.lost += one.lost;
    sum.duplicates += one.duplicates;
    sum.outOfOrder += one.outOfOrder;
  }
  return sum;
}
