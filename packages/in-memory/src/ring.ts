/** First in, first out. Taken from by index, because `Array.shift` on a long array costs its length each time. */
export class Ring<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) this.clear();
    else if (this.#head > 1024 && this.#head * 2 > this.#items.length) this.#dropFront();
    return item;
  }

  /** Puts the item at `index` (0 is the front) first, and the first one there. */
  swapFront(index: number): void {
    const chosen = this.#items[this.#head + index];
    this.#items[this.#head + index] = this.#items[this.#head];
    this.#items[this.#head] = chosen;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }

  toArray(): T[] {
    return this.#items.slice(this.#head) as T[];
  }

  #dropFront(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
