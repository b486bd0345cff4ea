import type { Clock, Timer } from '@waybill/core/driver';
import { type Alarm, Alarms } from './alarms.ts';

/** `setTimeout` cannot wait longer: 24.8 days. */
const longestWaitMs = 2 ** 31 - 1;

/**
 * Everything the broker has to do later, on one timer: delays, expiries, leases. Paused, nothing runs by itself; what
 * fell due meanwhile runs on `catchUp` or `resume`.
 */
export class Agenda {
  readonly #clock: Clock;
  readonly #alarms = new Alarms();
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #paused = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(ms: number, run: () => void): Alarm {
    const alarm = this.#alarms.add(this.#clock.now() + ms, run);
    this.#arm();
    return alarm;
  }

  cancel(alarm: Alarm | undefined): void {
    this.#alarms.cancel(alarm);
  }

  pause(): void {
    this.#paused = true;
    this.#disarm();
  }

  resume(): void {
    this.#paused = false;
    this.catchUp();
  }

  /** Runs what is due now. */
  catchUp(): void {
    const now = this.#clock.now();
    while (this.#alarms.nextAt <= now) this.#alarms.runNext();
    this.#arm();
  }

  /** One timer for the earliest alarm; it is moved only when an earlier one comes. */
  #arm(): void {
    const nextAt = this.#alarms.nextAt;
    if (this.#paused || nextAt >= this.#timerAt) return;
    this.#disarm();
    this.#timerAt = nextAt;
    const waitMs = Math.min(longestWaitMs, Math.max(0, nextAt - this.#clock.now()));
    this.#timer = this.#clock.after(waitMs, () => {
      this.#disarm();
      this.catchUp();
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }
}
