import type { Faults } from './faults.ts';
import { driverOf, type MemoryDriver } from './link.ts';
import { type BrokerOptions, settingsOf } from './options.ts';
import { Store } from './store.ts';

/** A broker inside this process: for tests, and for whatever may be forgotten when the process ends. */
export class MemoryBroker {
  readonly #store: Store;

  constructor(options: BrokerOptions = {}) {
    this.#store = new Store(settingsOf(options));
  }

  /** What to `connect` to. Any number of busses may share one broker. */
  driver(): MemoryDriver<MemoryBroker> {
    return driverOf(this.#store, this);
  }

  /** What goes wrong, and what went wrong. */
  get faults(): Faults {
    return this.#store.faults;
  }
}

/** A broker of one's own: `connect(memoryBroker().driver(), …)`. */
export const memoryBroker = (options?: BrokerOptions): MemoryBroker => new MemoryBroker(options);
