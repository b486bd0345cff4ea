import { Backlog } from '../backlog.ts';

/** A key in use: who has it, and who waits for it in order. */
interface Taken<T> {
  holder: T;
  readonly behind: Backlog<T>;
}

/**
 * Decides which admitted delivery runs next: any, or one at a time per key. It belongs to the consumer and not to a
 * receiver, so that neither the concurrency nor a key is handed out twice while handlers of a lost link end.
 */
export class Scheduler<T> {
  readonly #concurrency: number;
  readonly #keyOf: ((item: T) => string) | undefined;
  readonly #run: (item: T) => void;
  readonly #ready = new Backlog<T>();
  readonly #taken = new Map<string, Taken<T>>();
  #running = 0;
  #paused = false;
  #filling = false;
  #quiet: (() => void)[] = [];

  constructor(concurrency: number, keyOf: ((item: T) => string) | undefined, run: (item: T) => void) {
    this.#concurrency = concurrency;
    this.#keyOf = keyOf;
    this.#run = run;
  }

  push(item: T): void {
    if (this.#keyOf) {
      const key = this.#keyOf(item);
      const taken = this.#taken.get(key);
      if (taken) return taken.behind.push(item);
      this.#taken.set(key, { holder: item, behind: new Backlog() });
    }
    this.again(item);
  }

  /** Runs an item whose key is already its own: new, next in line, or retried in place. */
  again(item: T): void {
    if (this.#filling || this.#ready.size > 0 || this.#paused || this.#running >= this.#concurrency)
      return this.#wait(item);
    this.#filling = true;
    this.#start(item);
    this.#filling = false;
    if (this.#ready.size > 0) this.#fill();
  }
  #wait(item: T): void {
    this.#ready.push(item);
    this.#fill();
  }

  /** A handler ended. Its key, if any, stays taken until `free`. */
  leave(): void {
    this.#running--;
    if (this.#running === 0) for (const told of this.#quiet.splice(0)) told();
    this.#fill();
  }

  /** The item has its fate and its handler has ended: its key goes to the next in line. */
  free(item: T): void {
    if (!this.#keyOf) return;
    const key = this.#keyOf(item);
    const taken = this.#taken.get(key);
    if (!taken) return;
    if (taken.holder !== item) return taken.behind.remove((one) => one === item);
    const next = taken.behind.shift();
    if (next === undefined) return void this.#taken.delete(key);
    taken.holder = next;
    this.again(next);
  }

  /** Takes what has not started out of the way to the handlers; keys and followers stay as they are. */
  withdraw(belongs: (item: T) => boolean): void {
    this.#ready.remove(belongs);
  }

  /** Resolves when nothing runs; nothing starts until `resume`. */
  async pause(): Promise<void> {
    this.#paused = true;
    if (this.#running > 0) await new Promise<void>((resolve) => this.#quiet.push(resolve));
  }
  get paused(): boolean {
    return this.#paused;
  }
  resume(): void {
    this.#paused = false;
    this.#fill();
  }

  /** A handler that ends at once leaves while we fill; the loop goes on, the stack does not grow. */
  #fill(): void {
    if (this.#filling) return;
    this.#filling = true;
    while (!this.#paused && this.#running < this.#concurrency && this.#ready.size > 0)
      this.#start(this.#ready.shift()!);
    this.#filling = false;
  }
  #start(item: T): void {
    this.#running++;
    this.#run(item);
  }
}
