import { setTimeout as delay } from 'node:timers/promises';
import type { Assignment, Measured } from './measured.ts';
import { LatencySamples } from './latency.ts';
import { endOfTurn, Meter } from './meter.ts';
import { indexOf, type Order } from './order.ts';
import { Sequence } from './sequence.ts';

/**
 * Sends at a fixed rate whatever happens, and measures each message from the time it should have been sent: a stall
 * counts for everything that had to wait behind it.
 */
export class OpenLoop {
  readonly #perMs: number;
  readonly #warmUp: number;
  readonly #total: number;
  readonly #samples: LatencySamples;
  readonly #sequence = new Sequence();
  readonly #meter = new Meter();
  readonly #ended: Promise<void>;
  #startedAt = 0;
  #end!: () => void;

  constructor({ warmUp, messages }: Assignment, perSecond: number) {
    this.#perMs = perSecond / 1000;
    this.#warmUp = warmUp;
    this.#total = warmUp + messages;
    this.#samples = new LatencySamples(messages);
    this.#ended = new Promise((resolve) => (this.#end = resolve));
  }

  readonly handle = async (order: Order): Promise<void> => {
    const index = indexOf(order);
    const latencyMs = performance.now() - (this.#startedAt + index / this.#perMs);
    this.#sequence.see(index);
    if (index >= this.#warmUp) this.#samples.add(latencyMs * 1000);
    if (this.#sequence.seen === this.#warmUp) this.#meter.start();
    else if (this.#sequence.seen === this.#total) this.#end();
  };

  /** Calls `send` for what is due, every millisecond. */
  async run(send: (index: number) => void): Promise<Measured> {
    this.#startedAt = performance.now();
    for (let sent = 0; sent < this.#total;) {
      const due = Math.min(this.#total, Math.floor((performance.now() - this.#startedAt) * this.#perMs) + 1);
      while (sent < due) send(sent++);
      await delay(1);
    }
    await this.#ended;
    await endOfTurn();
    const measured = this.#meter.stop(this.#total - this.#warmUp);
    return { ...measured, faults: this.#sequence.faults(this.#total), latency: this.#samples.summary() };
  }
}
