import type { Outgoing, Sent } from '../driver/message.ts';
import type { SendFailure, WaybillError } from '../error/error.ts';

/** Who waits for a message: the promise of one send, or one promise for all of a `sendMany`. */
export interface Waiter {
  stored(index: number, sent: Sent, at: number): void;
  failed(index: number, error: WaybillError): void;
}

/** One message from `send` to its outcome. */
export interface Item {
  /** Where it goes once the window has room. */
  readonly outlet: { add(item: Item): void };
  readonly message: Outgoing;
  readonly waiter: Waiter;
  /** The waiter's own number for it. */
  readonly index: number;
  /** By the clock, in epoch milliseconds. */
  readonly deadline: number;
  failures: number;
}

export class OneWaiter implements Waiter {
  readonly #resolve: (position: string | undefined) => void;
  readonly #reject: (error: unknown) => void;
  constructor(resolve: (position: string | undefined) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }
  stored(_index: number, sent: Sent, at: number): void {
    this.#resolve(sent.position?.(at));
  }
  failed(_index: number, error: WaybillError): void {
    this.#reject(error);
  }
}

/** Counts down; tells once, when each message has its outcome. */
export class ManyWaiter implements Waiter {
  readonly #done: (failures: readonly SendFailure[]) => void;
  readonly #failures: SendFailure[] = [];
  #left: number;
  constructor(count: number, done: (failures: readonly SendFailure[]) => void) {
    this.#left = count;
    this.#done = done;
  }
  stored(): void {
    if (--this.#left === 0) this.#done(this.#failures);
  }
  failed(index: number, error: WaybillError): void {
    this.#failures.push({ index, error });
    this.stored();
  }
}

/** What was handed to the link together. It is answered once: by the broker, or by the clock. */
export class Batch {
  readonly items: readonly Item[];
  readonly deadline: number;
  answer!: (sent: Sent) => void;
  readonly answered: Promise<Sent>;
  constructor(items: readonly Item[]) {
    this.items = items;
    this.deadline = items[0]!.deadline;
    this.answered = new Promise((resolve) => (this.answer = resolve));
  }
}
