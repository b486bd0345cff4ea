import type { Assignment, Measured } from './measured.ts';
import { endOfTurn, Meter } from './meter.ts';
import { indexOf, type Order } from './order.ts';
import { Sequence } from './sequence.ts';

/** The handler of every consuming arm: checks the number, and starts and ends the measured part. */
export class Gauge {
  readonly #warmUp: number;
  readonly #messages: number;
  readonly #meter = new Meter();
  readonly #sequence = new Sequence();
  readonly #ended: Promise<void>;
  #end!: () => void;

  constructor({ warmUp, messages }: Assignment) {
    this.#warmUp = warmUp;
    this.#messages = messages;
    this.#ended = new Promise((resolve) => (this.#end = resolve));
  }

  readonly handle = async (order: Order): Promise<void> => {
    const index = indexOf(order);
    // A backlog may go on behind what is measured.
    if (index >= this.#warmUp + this.#messages) return;
    this.#sequence.see(index);
    if (this.#sequence.seen === this.#warmUp) this.#meter.start();
    else if (this.#sequence.seen === this.#warmUp + this.#messages) this.#end();
  };

  /** When everything was handled, and what was to be settled with it is on its way. */
  async measured(): Promise<Measured> {
    await this.#ended;
    await endOfTurn();
    const measured = this.#meter.stop(this.#messages);
    return { ...measured, faults: this.#sequence.faults(this.#warmUp + this.#messages) };
  }
}
