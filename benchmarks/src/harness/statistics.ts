/** A figure and where it lies with 95 % confidence. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

const resamples = 10_000;

export function medianOf(values: readonly number[]): number {
  if (values.length === 0) throw new Error('No values: a median of nothing was asked for');
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle]!;
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2;
}

/**
 * The median with its 95 % interval by percentile bootstrap. Nothing is discarded, nothing is assumed about the
 * distribution, and the same values give the same interval.
 */
export function estimate(values: readonly number[]): Estimate {
  const random = randomNumbers(1);
  const medians = Array.from({ length: resamples }, () =>
    medianOf(values.map(() => values[Math.floor(random() * values.length)]!)),
  ).toSorted((one, other) => one - other);
  const at = (share: number): number => medians[Math.min(resamples - 1, Math.floor(share * resamples))]!;
  return { median: medianOf(values), low: at(0.025), high: at(0.975), count: values.length };
}

/** Mulberry32: small, and repeatable, which is what a report needs. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
