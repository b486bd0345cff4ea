import type { Outgoing, Sent } from '../driver/message.ts';
import { noneSent } from '../driver/records.ts';
import type { SendFailure, WaybillError } from '../error/error.ts';
import type { Generation } from './generation.ts';

/** Who waits for a message: the promise of one send, or one promise for all of a `sendMany`. */
export interface Waiter {
  stored(index: number, sent: Sent, at: number): void;
  failed(index: number, error: WaybillError): void;
}

/** A send that its caller may take back as long as nothing of it was handed over. */
export interface Pass {
  handed: boolean;
  withdrawn: boolean;
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
  readonly pass: Pass | undefined;
  readonly generation: Generation;
  /** Its waiter knows the outcome. */
  told: boolean;
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

/** What is handed to the link together. Answered by the broker, or item by item by the clock. */
export class Batch {
  readonly items: readonly Item[];
  /** Of the item whose time is up first. */
  readonly deadline: number;
  #tell: (sent: Sent) => void = () => {};
  constructor(items: readonly Item[]) {
    this.items = items;
    this.deadline = items.reduce((first, { deadline }) => Math.min(first, deadline), Infinity);
  }

  /**
   * What the broker answers, unless the clock tells every item before. Never rejects. One promise for both: a second one,
   * left pending where all goes well, would keep the items in memory.
   */
  answered(answer: Promise<Sent>): Promise<Sent> {
    return new Promise((resolve) => {
      this.#tell = resolve;
      answer.then(resolve, (error: unknown) => resolve(noneSent(this.items, 'unknown', error)));
    });
  }

  /** Of the items not told yet. */
  nextDeadline(): number {
    const next = this.items.reduce((first, { told, deadline }) => (told ? first : Math.min(first, deadline)), Infinity);
    if (next === Infinity) this.#tell(nothingLeft);
    return next;
  }
}
const nothingLeft: Sent = Object.freeze({ unsent: Object.freeze([]) });
