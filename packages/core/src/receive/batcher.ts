import type { Clock, Timer } from '../clock.ts';
import type { Delivery } from './delivery.ts';
import type { Loan } from './loan.ts';

interface Member {
  readonly loan: Loan;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}
type BatchCall = (values: readonly unknown[], deliveries: readonly Delivery[]) => unknown;

/** Gathers deliveries into one call of a batch handler: when there are enough, or when the first has waited long enough. */
export class Batcher {
  readonly #handler: BatchCall;
  readonly #maxMessages: number;
  readonly #maxWaitMs: number;
  readonly #clock: Clock;
  readonly #atMostOnce: boolean;
  #members: Member[] = [];
  #timer: Timer | undefined;
  #closing = false;

  constructor(handler: BatchCall, maxMessages: number, maxWaitMs: number, clock: Clock, atMostOnce: boolean) {
    this.#handler = handler;
    this.#maxMessages = maxMessages;
    this.#maxWaitMs = maxWaitMs;
    this.#clock = clock;
    this.#atMostOnce = atMostOnce;
  }

  /** A handler for one delivery: ends as its batch ends. */
  readonly handle = (_value: unknown, loan: Loan): Promise<void> =>
    new Promise((resolve, reject) => {
      this.#members.push({ loan, done: resolve, failed: reject });
      if (this.#members.length >= this.#maxMessages || this.#closing) void this.#run();
      else this.#timer ??= this.#clock.after(this.#maxWaitMs, () => void this.#run());
    });

  /** No more will come: what is there is handed over now. */
  close(): void {
    this.#closing = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const members = this.#members.filter(({ loan, done }) => this.#atMostOnce || loan.isOpen || (done(), false));
    this.#members = [];
    if (members.length === 0) return;
    try {
      await this.#handler(
        members.map(({ loan }) => loan.value),
        members.map(({ loan }) => loan),
      );
      for (const { done } of members) done();
    } catch (error) {
      for (const { failed } of members) failed(error);
    }
  }
}
