import type { Latency } from './measured.ts';

/** Keeps every sample, so that quantiles are exact and a high one is nobody's estimate. */
export class LatencySamples {
  readonly #microseconds: Float64Array;
  #count = 0;

  constructor(most: number) {
    this.#microseconds = new Float64Array(most);
  }

  add(microseconds: number): void {
    this.#microseconds[this.#count++] = microseconds;
  }

  summary(): Latency {
    const sorted = this.#microseconds.slice(0, this.#count).sort();
    return {
      samples: sorted.length,
      p50: quantile(sorted, 0.5),
      p90: quantile(sorted, 0.9),
      p99: quantile(sorted, 0.99),
      p999: quantile(sorted, 0.999),
      max: quantile(sorted, 1),
    };
  }
}

/** The smallest sample that at least this share of all samples does not exceed. */
function quantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) throw new Error('No samples: a quantile of nothing was asked for');
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
