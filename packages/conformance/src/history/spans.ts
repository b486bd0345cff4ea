/** Milliseconds on the parent's clock, both ends included. */
export interface Span {
  readonly from: number;
  /** May still be set until the first lookup. */
  to: number;
}

/** Spans of time that may overlap each other; built first, asked afterwards. */
export class Spans<S extends Span> {
  #spans: S[] = [];
  /** At `i`: the latest end of the spans up to `i`, so that a lookup can skip what is over. */
  #reach: number[] | undefined;

  add(span: S): S {
    this.#spans.push(span);
    this.#reach = undefined;
    return span;
  }

  /** The first span that touches `from…to` and matches. */
  find(from: number, to: number, matches: (span: S) => boolean = everything): S | undefined {
    this.#reach ??= this.#prepare();
    for (let index = firstAtLeast(this.#reach, from); index < this.#spans.length; index += 1) {
      const span = this.#spans[index]!;
      if (span.from > to) return undefined;
      if (span.to >= from && matches(span)) return span;
    }
    return undefined;
  }

  #prepare(): number[] {
    this.#spans = this.#spans.toSorted((left, right) => left.from - right.from);
    let latest = -Infinity;
    return this.#spans.map((span) => (latest = Math.max(latest, span.to)));
  }
}

function everything(): boolean {
  return true;
}

/** Binary search in ascending values. */
function firstAtLeast(values: readonly number[], wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
