import type { FaultControls } from './faults.ts';
import { type KeptMessage, messagesIn, sentTo, settledIn } from './inspect.ts';
import { driverOf, type MemoryDriver } from './link.ts';
import { type BrokerOptions, settingsOf } from './options.ts';
import type { SettledMessage } from './queue.ts';
import { Store } from './store.ts';
import { type WaitOptions, Watch } from './watch.ts';

/**
 * A broker inside this process: for tests, and for whatever may be forgotten when the process ends. What it keeps
 * outlives the busses connected to it.
 */
export class MemoryBroker {
  readonly #store: Store;
  readonly #watch: Watch;

  /** Throws `invalid` for options that can never work. */
  constructor(options: BrokerOptions = {}) {
    this.#store = new Store(settingsOf(options));
    this.#watch = new Watch(this.#store);
  }

  /** What to `connect` to. Any number of busses may share one broker. */
  driver(): MemoryDriver<MemoryBroker> {
    return driverOf(this.#store, this);
  }

  /** What goes wrong, and what went wrong. */
  get faults(): FaultControls {
    return this.#store.faults;
  }

  /**
   * What is ready in a queue, or in a subscription of a topic, next one first; or the records of a stream. Where a
   * queue and a stream share a name, the queue's. Throws `not-found`.
   */
  messages(name: string, subscription?: string): readonly KeptMessage[] {
    this.#store.agenda.catchUp();
    return messagesIn(this.#store, name, subscription);
  }

  /** The last 1000 messages (option `history`) stored in a queue, topic or stream, oldest first. Throws `not-found`. */
  sent(name: string): readonly KeptMessage[] {
    return sentTo(this.#store, name);
  }

  /** The last 1000 settlements (option `history`) in a queue or subscription, oldest first. Throws `not-found`. */
  settled(name: string, subscription?: string): readonly SettledMessage[] {
    this.#store.agenda.catchUp();
    return settledIn(this.#store, name, subscription);
  }

  /**
   * Resolves when everything is done: nothing ready where somebody consumes, nothing in flight, nothing delayed. Under
   * a virtual clock what is delayed waits for `advance`. Rejects with `timeout`.
   */
  idle(options: WaitOptions = {}): Promise<void> {
    return this.#watch.until(() => this.#store.isIdle, 'idleness', options);
  }

  /** Resolves when the condition holds; it is asked whenever the broker has moved. Rejects with `timeout`. */
  waitFor(condition: () => boolean, options: WaitOptions = {}): Promise<void> {
    return this.#watch.until(condition, 'a condition', options);
  }
}

/** A broker of one's own: `connect(memoryBroker().driver(), …)`. */
export const memoryBroker = (options?: BrokerOptions): MemoryBroker => new MemoryBroker(options);
