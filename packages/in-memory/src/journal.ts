/** The last so many things that happened, for tests to look at. */
export class Journal<T> {
  readonly #capacity: number;
  #items: T[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(item: T): void {
    if (this.#items.length < this.#capacity) this.#items.push(item);
    else if (this.#capacity > 0) {
      this.#items[this.#next] = item;
      this.#next = (this.#next + 1) % this.#capacity;
    }
  }

  /** Oldest first. */
  toArray(): T[] {
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)];
  }
}
