import { type Clock, type Timer, WaybillError } from '@waybill/core/driver';
import { Alarms } from './alarms.ts';

/** Time that stands still until a test moves it. Give the same clock to the broker and to the bus. */
export interface VirtualClock extends Clock {
  /**
   * Moves time on by `ms` milliseconds: every timer due on the way runs at its own time, in order, and what it set
   * going (promises, immediates, further timers) runs before the next one. Resolves when the last has settled. What
   * waits for something outside, such as a socket or a real timer, is not waited for.
   */
  advance(ms: number): Promise<void>;
  /** Timers that wait. */
  readonly pending: number;
}

/** @param startMs Epoch milliseconds of its first moment. @default 2026-01-01T00:00:00Z */
export function virtualClock(startMs: number = Date.UTC(2026, 0, 1)): VirtualClock {
  return new SteppedClock(startMs);
}

/** Turns of the event loop in which nobody touched the clock, after which what was set going counts as settled. */
const quietTurns = 4;
const mostTurns = 1000;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class SteppedClock implements VirtualClock {
  readonly #alarms = new Alarms();
  #now: number;
  #uses = 0;
  #advancing: Promise<void> = Promise.resolve();

  constructor(startMs: number) {
    this.#now = startMs;
  }

  get pending(): number {
    return this.#alarms.size;
  }

  now(): number {
    this.#uses += 1;
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    this.#uses += 1;
    const alarm = this.#alarms.add(this.#now + Math.max(0, ms), run);
    return {
      cancel: () => {
        this.#uses += 1;
        this.#alarms.cancel(alarm);
      },
    };
  }

  advance(ms: number): Promise<void> {
    if (!Number.isFinite(ms) || ms < 0) {
      return Promise.reject(
        new WaybillError('invalid', `virtual clock: cannot advance by ${ms}; give milliseconds, 0 or more`),
      );
    }
    const advance = (): Promise<void> => this.#advanceTo(this.#now + ms);
    this.#advancing = this.#advancing.then(advance, advance);
    return this.#advancing;
  }

  async #advanceTo(target: number): Promise<void> {
    await this.#settle();
    while (this.#alarms.nextAt <= target) {
      this.#now = Math.max(this.#now, this.#alarms.nextAt);
      this.#alarms.runNext();
      await this.#settle();
    }
    this.#now = target;
    await this.#settle();
  }

  async #settle(): Promise<void> {
    for (let quiet = 0, turns = 0; quiet < quietTurns && turns < mostTurns; turns += 1) {
      const before = this.#uses;
      await turn();
      quiet = this.#uses === before ? quiet + 1 : 0;
    }
  }
}
