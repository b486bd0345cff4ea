import { Line, type Ready } from './ready.ts';
import type { Entry } from './records.ts';
import { Ring } from './ring.ts';

/** Messages of one key. While one is held, the rest of the key goes to its holder or to nobody. */
interface Group {
  readonly key: string;
  readonly line: Line;
  holder: object | undefined;
  held: number;
  /** The ring of groups it stands in. A copy left behind in another ring means nothing. */
  listed: Ring<Group> | undefined;
}

/** Order by key, also across consumers: one holder per key at a time. Total order is one key for all. */
export class Keyed implements Ready {
  readonly wakesAll = true;
  readonly #keyOf: (entry: Entry) => string;
  readonly #groups = new Map<string, Group>();
  readonly #free = new Ring<Group>();
  readonly #heldBy = new WeakMap<object, Ring<Group>>();

  constructor(order: 'key' | 'total') {
    this.#keyOf = order === 'total' ? () => '' : (entry) => entry.stored.key ?? '';
  }

  append(entry: Entry): void {
    const group = this.#group(entry);
    group.line.append(entry);
    this.#list(group);
  }

  giveBack(entry: Entry): void {
    const group = this.#group(entry);
    group.line.giveBack(entry);
    this.#list(group);
  }

  take(holder: object, locks: boolean): Entry | undefined {
    const group = this.#nextGroup(holder);
    const entry = group?.line.shift();
    if (!group || !entry) return undefined;
    if (locks) {
      group.holder = holder;
      group.held += 1;
    }
    this.#list(group);
    return entry;
  }

  unlock(entry: Entry): void {
    const group = this.#group(entry);
    group.held -= 1;
    if (group.held > 0) return;
    group.holder = undefined;
    group.listed = undefined;
    this.#list(group);
  }

  tidy(entry: Entry): void {
    this.#groups.get(this.#keyOf(entry))?.line.peek();
    this.#front(this.#free);
  }

  isBehind(other: Entry, entry: Entry): boolean {
    return other.place > entry.place && this.#keyOf(other) === this.#keyOf(entry);
  }

  toArray(): Entry[] {
    const all = [...this.#groups.values()].flatMap((group) => group.line.toArray());
    return all.sort((left, right) => left.place - right.place);
  }

  /** Of the keys it holds and those that nobody holds, the one whose first message is older. */
  #nextGroup(holder: object): Group | undefined {
    const own = this.#heldBy.get(holder);
    const held = own && this.#front(own);
    const free = this.#front(this.#free);
    const chosen = held && (!free || isOlder(held, free)) ? held : free;
    if (!chosen) return undefined;
    (chosen === held ? own : this.#free)?.shift();
    chosen.listed = undefined;
    return chosen;
  }

  #front(ring: Ring<Group>): Group | undefined {
    for (let group = ring.peek(); group; group = ring.peek()) {
      if (group.listed === ring && group.line.peek()) return group;
      ring.shift();
      if (group.listed === ring) this.#unlist(group);
    }
    return undefined;
  }

  #list(group: Group): void {
    if (group.listed) return;
    if (!group.line.peek()) return this.#unlist(group);
    group.listed = group.holder ? this.#ringOf(group.holder) : this.#free;
    group.listed.push(group);
  }

  /** Nothing ready: a key that is not held either is forgotten, since there may be millions. */
  #unlist(group: Group): void {
    group.listed = undefined;
    if (group.held === 0) this.#groups.delete(group.key);
  }

  #ringOf(holder: object): Ring<Group> {
    const ring = this.#heldBy.get(holder) ?? new Ring<Group>();
    this.#heldBy.set(holder, ring);
    return ring;
  }

  #group(entry: Entry): Group {
    const key = this.#keyOf(entry);
    let group = this.#groups.get(key);
    if (!group) {
      group = { key, line: new Line(), holder: undefined, held: 0, listed: undefined };
      this.#groups.set(key, group);
    }
    return group;
  }
}

const isOlder = (left: Group, right: Group): boolean =>
  (left.line.peek()?.place ?? Infinity) < (right.line.peek()?.place ?? Infinity);
