import { Heap } from './heap.ts';
import type { Entry } from './records.ts';
import { Ring } from './ring.ts';

/** What a queue has to hand out, in its order. Entries that are no longer `ready` are skipped: they expired. */
export interface Ready {
  /** A new one, behind all others of its kind. */
  append(entry: Entry): void;
  /** One that was out, back to the place it had. */
  giveBack(entry: Entry): void;
  /** The next for this holder. `locks`: it will be held, so what must not be overtaken waits for it. */
  take(holder: object, locks: boolean): Entry | undefined;
  /** A locked one is no longer held. Call it before giving it back. */
  unlock(entry: Entry): void;
  /** A ready one is gone. Whatever is gone in front is dropped, so that nothing piles up where nobody takes. */
  tidy(entry: Entry): void;
  /** `other` must not be handled before `entry`: when one comes back, the other has to as well. */
  isBehind(other: Entry, entry: Entry): boolean;
  /** Not everybody may take the next, so all have to be asked. */
  readonly wakesAll: boolean;
  /** In the order of handing out, as far as that is fixed. */
  toArray(): Entry[];
}

const byPlace = (left: Entry, right: Entry): boolean => left.place < right.place;

/** First in, first out, with places kept for what comes back: that was in front of everything not yet handed out. */
export class Line {
  readonly #fresh = new Ring<Entry>();
  readonly #returned = new Heap<Entry>(byPlace);

  append(entry: Entry): void {
    this.#fresh.push(entry);
  }

  giveBack(entry: Entry): void {
    this.#returned.push(entry);
  }

  /** The next, without taking it. */
  peek(): Entry | undefined {
    while (this.#returned.size > 0) {
      const entry = this.#returned.peek();
      if (entry?.state === 'ready') return entry;
      this.#returned.pop();
    }
    for (let entry = this.#fresh.peek(); entry; entry = this.#fresh.peek()) {
      if (entry.state === 'ready') return entry;
      this.#fresh.shift();
    }
    return undefined;
  }

  shift(): Entry | undefined {
    const entry = this.peek();
    if (!entry) return undefined;
    return this.#returned.size > 0 ? this.#returned.pop() : this.#fresh.shift();
  }

  /** Brings another one to the front, where no order was promised. */
  overtake(pick: (size: number) => number): void {
    const index = pick(this.#fresh.size);
    if (index > 0) this.#fresh.swapFront(index);
  }

  toArray(): Entry[] {
    const returned = this.#returned.toArray().sort((left, right) => left.place - right.place);
    return [...returned, ...this.#fresh.toArray()].filter((entry) => entry.state === 'ready');
  }
}

const highestPriority = 9;

/** No order was asked for, but by priority: higher first, and inside a level first in, first out. */
export class Levels implements Ready {
  readonly wakesAll = false;
  readonly #levels: (Line | undefined)[] = [];
  readonly #pick: (size: number) => number;
  #highest = 0;

  /** `pick`: which of so many waiting goes first; 0 keeps the order. */
  constructor(pick: (size: number) => number) {
    this.#pick = pick;
  }

  append(entry: Entry): void {
    this.#level(entry).append(entry);
  }

  giveBack(entry: Entry): void {
    this.#level(entry).giveBack(entry);
  }

  take(): Entry | undefined {
    for (; this.#highest >= 0; this.#highest -= 1) {
      const line = this.#levels[this.#highest];
      if (!line) continue;
      line.overtake(this.#pick);
      const entry = line.shift();
      if (entry) return entry;
    }
    this.#highest = 0;
    return undefined;
  }

  unlock(): void {}

  tidy(entry: Entry): void {
    this.#level(entry).peek();
  }

  isBehind(): boolean {
    return false;
  }

  toArray(): Entry[] {
    return this.#levels.toReversed().flatMap((line) => line?.toArray() ?? []);
  }

  #level(entry: Entry): Line {
    const level = Math.min(highestPriority, entry.priority);
    if (level > this.#highest) this.#highest = level;
    return (this.#levels[level] ??= new Line());
  }
}
