import { WaybillError } from '@waybill/core/driver';
import { deferred } from './deferred.ts';
import { describe } from './inspect.ts';
import type { Store } from './store.ts';

export interface WaitOptions {
  /** Milliseconds of real time, also under a virtual clock. @default 5000 */
  readonly timeoutMs?: number;
}

/** Looks again whenever the broker has moved, after everything that this set going in the same turn has run. */
export class Watch {
  readonly #store: Store;
  readonly #looks = new Set<() => void>();
  #scheduled = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Resolves when the condition holds; rejects with `timeout`, or with what it throws. */
  async until(condition: () => boolean, what: string, { timeoutMs = 5000 }: WaitOptions): Promise<void> {
    const done = deferred<void>();
    const look = (): void => {
      try {
        if (condition()) done.resolve();
      } catch (error) {
        done.reject(error);
      }
    };
    const expire = (): void =>
      done.reject(
        new WaybillError(
          'timeout',
          `memory broker: after ${timeoutMs} ms still waiting for ${what} (${describe(this.#store)})`,
          { broker: 'memory' },
        ),
      );
    const timer = setTimeout(expire, timeoutMs);
    this.#looks.add(look);
    this.#store.onChange = () => this.#schedule();
    this.#schedule();
    try {
      await done.promise;
    } finally {
      clearTimeout(timer);
      this.#looks.delete(look);
      if (this.#looks.size === 0) this.#store.onChange = undefined;
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      for (const look of this.#looks) look();
    });
  }
}
