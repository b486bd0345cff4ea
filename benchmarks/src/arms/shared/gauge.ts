import type { Assignment, Measured } from './measured.ts';
import { endOfTurn, Meter } from './meter.ts';
import { indexOf, type Order } from './order.ts';
import { Sequence } from './sequence.ts';
import { ourTurn, sharesOf } from './turns.ts';

/** The handler of every consuming arm: checks the number, and ends with its turn; what comes then waits for the next. */
export class Gauge {
  readonly #warmUp: number;
  readonly #messages: number;
  readonly #shares: readonly number[];
  readonly #meter = new Meter();
  readonly #sequence = new Sequence();
  /** How many are handled when the turn ends. */
  #end: number;
  #turn: Promise<void>;
  #over!: () => void;
  #gate: Promise<void> | undefined;
  #open: () => void = () => undefined;

  constructor({ warmUp, messages, turns = 1 }: Assignment) {
    this.#warmUp = warmUp;
    this.#messages = messages;
    this.#shares = sharesOf(messages, turns);
    this.#end = warmUp;
    this.#turn = new Promise((resolve) => (this.#over = resolve));
  }

  readonly handle = async (order: Order): Promise<void> => {
    while (this.#gate !== undefined) await this.#gate;
    const index = indexOf(order);
    // A backlog may go on behind what is measured.
    if (index >= this.#warmUp + this.#messages) return;
    this.#sequence.see(index);
    if (this.#sequence.seen !== this.#end) return;
    this.#gate = new Promise((resolve) => (this.#open = resolve));
    this.#over();
  };

  /** When everything was handled, and what was to be settled with it is on its way. */
  async measured(turn = ourTurn): Promise<Measured> {
    await this.#turn;
    for (const share of this.#shares) {
      await turn();
      this.#meter.start();
      await this.#handled(share);
      await endOfTurn();
      this.#meter.pause();
    }
    await turn();
    this.#pass();
    const measured = this.#meter.stop(this.#messages);
    return { ...measured, faults: this.#sequence.faults(this.#warmUp + this.#messages) };
  }

  #handled(share: number): Promise<void> {
    this.#end = this.#warmUp + share;
    this.#turn = new Promise((resolve) => (this.#over = resolve));
    this.#pass();
    return this.#turn;
  }
  #pass(): void {
    this.#gate = undefined;
    this.#open();
  }
}
