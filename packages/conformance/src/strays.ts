/**
 * Errors that nobody handled. Node does not say whose they are, so every case that was running when one came is held
 * responsible; with one case at a time it is certain.
 */
export class Strays {
  readonly #running = new Set<unknown[]>();
  readonly #take = (error: unknown): void => {
    for (const list of this.#running) list.push(error);
  };

  constructor() {
    process.on('unhandledRejection', this.#take);
    process.on('uncaughtException', this.#take);
  }

  async during<T>(work: (stray: readonly unknown[]) => Promise<T>): Promise<T> {
    const list: unknown[] = [];
    this.#running.add(list);
    try {
      return await work(list);
    } finally {
      this.#running.delete(list);
    }
  }

  close(): void {
    process.off('unhandledRejection', this.#take);
    process.off('uncaughtException', this.#take);
  }
}
