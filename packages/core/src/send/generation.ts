/** The messages between two calls of `flush`: who flushes waits for these, and not for what is sent meanwhile. */
export class Generation {
  open = 0;
  readonly ended: Promise<void>;
  end!: () => void;
  constructor() {
    this.ended = new Promise((resolve) => (this.end = resolve));
  }
}

/** Counts what is on its way, by generation. */
export class Generations {
  #current = new Generation();
  readonly #earlier = new Set<Generation>();

  enter(): Generation {
    this.#current.open++;
    return this.#current;
  }
  leave(generation: Generation): void {
    if (--generation.open > 0 || generation === this.#current) return;
    this.#earlier.delete(generation);
    generation.end();
  }
  /** Resolves when everything that entered so far has left. */
  async flush(): Promise<void> {
    if (this.#current.open > 0) {
      this.#earlier.add(this.#current);
      this.#current = new Generation();
    }
    await Promise.all([...this.#earlier].map(({ ended }) => ended));
  }
}
