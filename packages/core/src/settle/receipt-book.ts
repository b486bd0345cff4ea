import type { Clock } from '../clock.ts';
import type { Receipted } from '../driver/message.ts';
import type { Lane, LeaseReceiver, MessageReceiver, Settlement } from '../driver/receiver.ts';
import type { Settled } from '../receive/delivery.ts';
import type { Loan, Outcome } from '../receive/loan.ts';
import type { Book } from './book.ts';
import { Collector } from './collector.ts';
import { LeaseKeeper } from './lease-keeper.ts';

/** Message and lease style: each loan is settled on its own; leases are kept while it is open. */
export class ReceiptBook implements Book {
  readonly #collector: Collector;
  readonly #leases: LeaseKeeper | undefined;

  constructor(receiver: MessageReceiver | LeaseReceiver, clock: Clock, maxBatch: number) {
    this.#collector = new Collector(
      receiver,
      clock,
      maxBatch,
      receiver.style === 'lease' ? Math.min(250, receiver.leaseMs / 6) : 250,
    );
    if (receiver.style === 'lease') this.#leases = new LeaseKeeper(receiver, clock, maxBatch);
  }

  room(): number {
    return Infinity;
  }
  opened(_lane: Lane, loan: Loan): void {
    this.#leases?.hold(loan);
  }
  started(): void {}
  givesBack(): boolean {
    return true;
  }
  settle(_lane: Lane, loan: Loan, outcome: Outcome, done: () => void): void {
    this.#leases?.release(loan);
    const { receipt } = loan.incoming as Receipted;
    const settlement: Settlement =
      outcome.outcome === 'accept' ? { receipt, outcome: 'accept' } : { ...outcome, receipt };
    this.#collector.add({ settlement, done, lost: () => loan.lose() });
  }
  async extend(loan: Loan): Promise<Settled> {
    return this.#leases ? this.#leases.extend(loan) : 'settled';
  }
  gone(loan: Loan): void {
    this.#leases?.release(loan);
  }
  forget(): void {}
  restart(): void {}
  flushed(): Promise<void> {
    return this.#collector.flushed();
  }
  lose(): void {
    this.#leases?.stop();
    this.#collector.lose();
  }
}
