import { WaybillError } from '@waybill/core/driver';
import { deferred } from './deferred.ts';

/** The one end that a link or a receiver has. */
export class Ending {
  readonly #closed = deferred<unknown>();
  #cause: Error | undefined;
  #isOver = false;

  /** Resolves with the cause, or with `undefined` after an orderly close. */
  get closed(): Promise<unknown> {
    return this.#closed.promise;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Why it ended, if it did not end by `close`. */
  get cause(): Error | undefined {
    return this.#cause;
  }

  /** Says so, once. `false`: it was over already. */
  end(cause: unknown): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#cause =
      cause === undefined || cause instanceof Error
        ? cause
        : new WaybillError('unavailable', 'memory: the link was lost', { cause, broker: 'memory' });
    this.#closed.resolve(this.#cause);
    return true;
  }
}
