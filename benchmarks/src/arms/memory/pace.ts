/**
 * Counts what was sent and what was handled, and holds the producer back while it is too far ahead. Sending, storing and
 * handling may all be one turn of the event loop: without a pace a run would measure how a backlog grows, or how many
 * deliveries wait to be settled, which is done at the end of a turn.
 */
export class Pace {
  readonly #ahead: number;
  #open = 0;
  #sentThisTurn = 0;
  #gate: { readonly opened: Promise<void>; readonly open: () => void; readonly at: number } | undefined;

  /** At most so many are sent and not handled, and at most so many are sent in one turn, give or take one call. */
  constructor(ahead: number) {
    this.#ahead = ahead;
  }

  /** So many are going to be handled. Resolves when the producer may send them; at once while it is not far ahead. */
  sending(count: number): Promise<void> | undefined {
    this.#open += count;
    this.#sentThisTurn += count;
    if (this.#sentThisTurn > this.#ahead) return this.#nextTurn();
    return this.#room();
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

  async #nextTurn(): Promise<void> {
    this.#sentThisTurn = 0;
    await new Promise((resolve) => setImmediate(resolve));
    await this.#room();
  }

  #room(): Promise<void> | undefined {
    return this.#open > this.#ahead ? this.#until(this.#ahead >> 1) : this.#gate?.opened;
  }

  #until(at: number): Promise<void> {
    if (this.#gate !== undefined) return this.#gate.opened;
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.#gate = { opened, open, at };
    return opened;
  }
}
