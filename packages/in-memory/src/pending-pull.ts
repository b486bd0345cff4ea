import { type Deferred, deferred } from './deferred.ts';

interface Steps<T> {
  /** What is there now. */
  attempt(): readonly T[];
  /** There was nothing: register to be woken again. */
  waiting(): void;
  /** The pull has its answer. */
  done(): void;
}

/**
 * A pull that found nothing. Woken, it looks again in a microtask, so that one wake takes all that was stored in the
 * same turn.
 */
export class PendingPull<T> {
  readonly #answer: Deferred<readonly T[]> = deferred();
  readonly #signal: AbortSignal;
  readonly #steps: Steps<T>;
  #scheduled = false;
  #isOver = false;

  constructor(signal: AbortSignal, steps: Steps<T>) {
    this.#signal = signal;
    this.#steps = steps;
    signal.addEventListener('abort', this.#abort, { once: true });
  }

  get promise(): Promise<readonly T[]> {
    return this.#answer.promise;
  }

  schedule(): void {
    if (this.#scheduled || this.#isOver) return;
    this.#scheduled = true;
    queueMicrotask(this.#look);
  }

  resolve(items: readonly T[]): void {
    if (!this.#finish()) return;
    this.#answer.resolve(items);
  }

  reject(error: unknown): void {
    if (!this.#finish()) return;
    this.#answer.reject(error);
  }

  readonly #abort = (): void => this.resolve([]);

  readonly #look = (): void => {
    this.#scheduled = false;
    if (this.#isOver) return;
    const items = this.#steps.attempt();
    if (items.length > 0) this.resolve(items);
    else this.#steps.waiting();
  };

  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#signal.removeEventListener('abort', this.#abort);
    this.#steps.done();
    return true;
  }
}
