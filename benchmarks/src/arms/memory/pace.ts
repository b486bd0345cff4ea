/**
 * Counts what was sent and what was handled, and holds the producer back while it is too far ahead: where sending and
 * storing is one turn of the event loop, a run would otherwise measure how a backlog grows.
 */
export class Pace {
  readonly #ahead: number;
  #open = 0;
  #gate: { readonly opened: Promise<void>; readonly open: () => void; readonly at: number } | undefined;

  /** At most so many are sent and not handled, give or take one call. */
  constructor(ahead: number) {
    this.#ahead = ahead;
  }

  /** So many are going to be handled. Resolves when the producer may send them; at once while it is not far ahead. */
  sending(count: number): Promise<void> | undefined {
    this.#open += count;
    return this.#open > this.#ahead ? this.#until(this.#ahead >> 1) : this.#gate?.opened;
  }

  handled(): void {
    this.#open--;
    if (this.#gate === undefined || this.#open > this.#gate.at) return;
    this.#gate.open();
    this.#gate = undefined;
  }

  /** Resolves when everything is handled. Only when nobody sends any more. */
  all(): Promise<void> | undefined {
    return this.#open === 0 ? undefined : this.#until(0);
  }

  #until(at: number): Promise<void> {
    if (this.#gate !== undefined) return this.#gate.opened;
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.#gate = { opened, open, at };
    return opened;
  }
}
