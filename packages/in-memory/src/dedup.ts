/** How long a place remembers what was sent to it. */
export interface DedupWindow {
  /** Milliseconds. @default 120_000 */
  readonly windowMs: number;
  /** At least this many of the last send ids are remembered, and at most twice as many. @default 100_000 */
  readonly most: number;
}

/**
 * The send ids of a place, with where the message stands. Kept as two generations, of which the older one is dropped as
 * a whole: an id is remembered for at least the window, unless `most` newer ones came, and at most for twice that.
 */
export class Dedup {
  readonly #window: DedupWindow;
  #recent = new Map<string, number>();
  #older = new Map<string, number>();
  #since = 0;

  constructor(window: DedupWindow) {
    this.#window = window;
  }

  /** Where the message of this send stands, if it was stored before. */
  find(sendId: string, now: number): number | undefined {
    if (now - this.#since >= this.#window.windowMs || this.#recent.size >= this.#window.most) this.#turn(now);
    return this.#recent.get(sendId) ?? this.#older.get(sendId);
  }

  remember(sendId: string, position: number): void {
    this.#recent.set(sendId, position);
  }

  #turn(now: number): void {
    this.#older = now - this.#since >= this.#window.windowMs * 2 ? new Map() : this.#recent;
    this.#recent = new Map();
    this.#since = now;
  }
}
