/** Up to `limit` share it, or one has it alone. First come, first served, so nobody starves. */
export class Lock {
  readonly #limit: number;
  readonly #waiting: { readonly weight: number; readonly start: () => void }[] = [];
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async hold<T>(isAlone: boolean, work: () => Promise<T>): Promise<T> {
    const weight = isAlone ? this.#limit : 1;
    await new Promise<void>((start) => {
      this.#waiting.push({ weight, start });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      this.#taken -= weight;
      this.#admit();
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next && this.#taken + next.weight <= this.#limit; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#taken += next.weight;
      next.start();
    }
  }
}
