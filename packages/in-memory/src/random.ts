/** A source of numbers from 0 up to 1, the same for the same seed: a 32-bit counter, scrambled (splitmix). */
export function randomOf(seed: number, stream: string): () => number {
  let state = (seed ^ hashOf(stream)) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** FNV-1a over UTF-16 units, as a signed 32-bit integer: even enough, and the same in every process. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}
