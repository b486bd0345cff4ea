/** Repeatable: the same seed and case give the same numbers. */
export interface Random {
  /** From 0 up to, not including, 1. */
  readonly next: () => number;
  /** A whole number from 0 up to, not including, `limit`. */
  readonly below: (limit: number) => number;
  readonly pick: <T>(from: readonly [T, ...T[]]) => T;
  readonly shuffle: <T>(list: readonly T[]) => T[];
  readonly bytes: (length: number) => Uint8Array;
}

export function makeRandom(seed: number, salt: string): Random {
  let state = hash(`${seed} ${salt}`);
  const next = (): number => {
    // A Weyl sequence through a multiply-xorshift mixer: 32 bits, plenty to choose cases with.
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    pick: (from) => from[below(from.length)] ?? from[0],
    shuffle: (list) => shuffled(list, below),
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}

function shuffled<T>(list: readonly T[], below: (limit: number) => number): T[] {
  const result = [...list];
  for (let last = result.length - 1; last > 0; last--) {
    const other = below(last + 1);
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0)!, 0x01000193);
  return value >>> 0;
}
