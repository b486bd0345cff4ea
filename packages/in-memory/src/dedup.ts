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
  #recent = new IdTable();
  #older = new IdTable();
  #since = 0;

  constructor(window: DedupWindow) {
    this.#window = window;
  }

  /** Where the message of this send stands, if it was stored before. `hash` is the id's, computed once for both calls. */
  find(sendId: string, hash: number, now: number): number | undefined {
    if (now - this.#since >= this.#window.windowMs || this.#recent.size >= this.#window.most) this.#turn(now);
    return this.#recent.find(sendId, hash) ?? this.#older.find(sendId, hash);
  }

  remember(sendId: string, hash: number, position: number): void {
    this.#recent.add(sendId, hash, position);
  }

  #turn(now: number): void {
    const dropped = this.#older;
    this.#older = now - this.#since >= this.#window.windowMs * 2 ? new IdTable() : this.#recent;
    dropped.clear();
    this.#recent = dropped;
    this.#since = now;
  }
}

/**
 * An open-addressed hash table. A `Map` with 100,000 strings costs a cache miss for every string it compares, which was
 * 0.6 µs a message; here a look that finds nothing reads one or two neighbouring integers.
 */
class IdTable {
  /** Pairs: the hash, and the index of the id plus one; 0 is free. At most half full. */
  #slots = new Int32Array(128);
  #ids: string[] = [];
  #positions: number[] = [];

  get size(): number {
    return this.#ids.length;
  }

  find(id: string, hash: number): number | undefined {
    const slots = this.#slots;
    const wrap = slots.length - 1;
    for (let slot = (hash << 1) & wrap; slots[slot + 1] !== 0; slot = (slot + 2) & wrap) {
      const index = slots[slot + 1]! - 1;
      if (slots[slot] === hash && this.#ids[index] === id) return this.#positions[index];
    }
    return undefined;
  }

  add(id: string, hash: number, position: number): void {
    this.#ids.push(id);
    this.#positions.push(position);
    if (this.#ids.length * 4 > this.#slots.length) this.#grow();
    this.#insert(hash, this.#ids.length);
  }

  clear(): void {
    this.#slots.fill(0);
    this.#ids = [];
    this.#positions = [];
  }

  #insert(hash: number, index: number): void {
    const slots = this.#slots;
    const wrap = slots.length - 1;
    let slot = (hash << 1) & wrap;
    while (slots[slot + 1] !== 0) slot = (slot + 2) & wrap;
    slots[slot] = hash;
    slots[slot + 1] = index;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(before.length * 2);
    for (let slot = 0; slot < before.length; slot += 2) {
      if (before[slot + 1] !== 0) this.#insert(before[slot]!, before[slot + 1]!);
    }
  }
}
