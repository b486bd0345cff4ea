import type { Clock, Timer } from '../clock.ts';
import type { Receipted } from '../driver/message.ts';
import type { LeaseReceiver } from '../driver/receiver.ts';
import type { Settled } from '../receive/delivery.ts';
import type { Loan } from '../receive/loan.ts';

/** Extends the leases of everything in flight before a third of their time is gone; one timer for all of them. */
export class LeaseKeeper {
  readonly #receiver: LeaseReceiver;
  readonly #clock: Clock;
  readonly #maxBatch: number;
  readonly #open: () => Iterable<Loan>;
  #timer: Timer | undefined;

  constructor(receiver: LeaseReceiver, clock: Clock, maxBatch: number, open: () => Iterable<Loan>) {
    this.#receiver = receiver;
    this.#clock = clock;
    this.#maxBatch = maxBatch;
    this.#open = open;
    this.#arm();
  }

  /** Of a lease that begins now. */
  endsAt(): number {
    return this.#clock.now() + this.#receiver.leaseMs;
  }
  /** Now, at a user's wish. Rejects when the broker did not, and the lease runs on as it was. */
  async extend(loan: Loan): Promise<Settled> {
    const startedAt = this.#clock.now();
    const [unsettled] = await this.#receiver.extend([(loan.incoming as Receipted).receipt]);
    if (unsettled?.outcome === 'failed') throw unsettled.error;
    if (unsettled) loan.lose();
    else loan.leaseEndsAt = startedAt + this.#receiver.leaseMs;
    return loan.isLost ? 'lost' : 'settled';
  }
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#clock.after(this.#receiver.leaseMs / 6, () => {
      this.#arm();
      void this.#tick();
    });
  }

  async #tick(): Promise<void> {
    const now = this.#clock.now();
    const due: Loan[] = [];
    for (const loan of this.#open()) {
      if (!loan.isOpen) continue;
      if (loan.leaseEndsAt <= now) loan.lose();
      else if (loan.leaseEndsAt - now <= (this.#receiver.leaseMs * 2) / 3) due.push(loan);
    }
    for (let at = 0; at < due.length; at += this.#maxBatch) await this.#extend(due.slice(at, at + this.#maxBatch), now);
  }

  async #extend(batch: readonly Loan[], startedAt: number): Promise<void> {
    try {
      const failed = await this.#receiver.extend(batch.map((loan) => (loan.incoming as Receipted).receipt));
      const byIndex = new Map(failed.map((one) => [one.index, one.outcome]));
      batch.forEach((loan, index) => {
        if (byIndex.get(index) === 'lost') loan.lose();
        else if (!byIndex.has(index)) loan.leaseEndsAt = startedAt + this.#receiver.leaseMs;
      });
    } catch {
      // Not extended; the next tick tries again until the lease has ended.
    }
  }
}
