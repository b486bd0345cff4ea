/** By our own clock: whether the group may have given up on its member, as after a standstill. */
export class Session {
  readonly #timeoutMs: number;
  #heardAt = -Infinity;
  #isJoining = false;
  #doubts: (() => void)[] = [];

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** The group answered what it was asked then. */
  heard(askedAt: number): void {
    this.#heardAt = Math.max(this.#heardAt, askedAt);
    this.release();
  }
  /** Who asks to join is waited for. */
  async joining<T>(join: Promise<T>): Promise<T> {
    this.#isJoining = true;
    try {
      const joined = await join;
      this.heard(performance.now());
      return joined;
    } finally {
      this.#isJoining = false;
    }
  }
  /** Nothing, or a promise that resolves when there is something new to go by. */
  doubt(): Promise<void> | undefined {
    if (this.#isJoining || performance.now() - this.#heardAt < this.#timeoutMs) return undefined;
    return new Promise((resolve) => this.#doubts.push(resolve));
  }
  release(): void {
    for (const told of this.#doubts.splice(0)) told();
  }
}
