/** A line of waiting things. Taken from by index: `Array.shift` on a long array costs its length each time. */
export class Backlog<T> {
  #items: T[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }
  push(item: T): void {
    this.#items.push(item);
  }
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined as T;
    if (this.#head === this.#items.length) this.#items.length = this.#head = 0;
    else if (this.#head > 1024 && this.#head * 2 > this.#items.length) this.#compact();
    return item;
  }
  /** At most `limit` from the front. */
  take(limit: number): T[] {
    const taken = this.#items.slice(this.#head, this.#head + limit);
    this.#head += taken.length;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) this.#compact();
    return taken;
  }
  /** Takes out, in order, at most `limit` of those that may go. */
  takeWhere(limit: number, mayGo: (item: T) => boolean): T[] {
    const taken: T[] = [];
    this.#items = this.#items.slice(this.#head).filter((item) => {
      if (taken.length === limit || !mayGo(item)) return true;
      taken.push(item);
      return false;
    });
    this.#head = 0;
    return taken;
  }
  remove(belongs: (item: T) => boolean): void {
    this.#items = this.#items.slice(this.#head).filter((item) => !belongs(item));
    this.#head = 0;
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
