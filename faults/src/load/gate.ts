/** Lets a producer go on while it has a grant and not too many messages are open. */
export class Gate {
  readonly #mostOpen: number;
  #granted = 0;
  #begun = 0;
  #concluded = 0;
  #wake: (() => void) | undefined;

  constructor(mostOpen: number) {
    this.#mostOpen = mostOpen;
  }

  get begun(): number {
    return this.#begun;
  }
  get concluded(): number {
    return this.#concluded;
  }
  /** So many messages may begin now. */
  get room(): number {
    return Math.min(this.#granted - this.#begun, this.#mostOpen - (this.#begun - this.#concluded));
  }

  /** Resolves when there is room. One waits at a time. */
  async pass(): Promise<void> {
    while (this.room <= 0) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  grant(upTo: number): void {
    this.#granted = Math.max(this.#granted, upTo);
    this.#look();
  }

  begin(count: number): void {
    this.#begun += count;
  }

  conclude(count: number): void {
    this.#concluded += count;
    this.#look();
  }

  #look(): void {
    if (this.room > 0) this.#wake?.();
  }
}
