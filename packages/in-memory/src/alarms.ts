import { Heap } from './heap.ts';

/** Something due at a time; without `run` it was cancelled or has run. */
export interface Alarm {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

const before = (left: Alarm, right: Alarm): boolean =>
  left.at < right.at || (left.at === right.at && left.order < right.order);

/** Alarms by time; of two due at one time the one made first comes first. */
export class Alarms {
  readonly #heap = new Heap<Alarm>(before);
  #order = 0;
  #cancelled = 0;

  get size(): number {
    return this.#heap.size - this.#cancelled;
  }

  add(at: number, run: () => void): Alarm {
    const alarm: Alarm = { at, order: this.#order++, run };
    this.#heap.push(alarm);
    return alarm;
  }

  /** A cancelled alarm leaves the heap when it comes up, or when most of the heap is cancelled. */
  cancel(alarm: Alarm | undefined): void {
    if (!alarm?.run) return;
    alarm.run = undefined;
    this.#cancelled += 1;
    if (this.#cancelled < 1024 || this.#cancelled * 2 < this.#heap.size) return;
    this.#heap.retain((one) => one.run !== undefined);
    this.#cancelled = 0;
  }

  /** When the next one is due; `Infinity` if there is none. */
  get nextAt(): number {
    while (this.#heap.size > 0 && !this.#heap.peek()?.run) {
      this.#heap.pop();
      this.#cancelled -= 1;
    }
    return this.#heap.peek()?.at ?? Infinity;
  }

  /** Takes the next one out and runs it. */
  runNext(): void {
    if (this.nextAt === Infinity) return;
    const alarm = this.#heap.pop();
    const run = alarm?.run;
    if (alarm) alarm.run = undefined;
    run?.();
  }
}
