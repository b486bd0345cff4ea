import type { Clock } from '../clock.ts';
import type { Lane, LeaseReceiver, MessageReceiver } from '../driver/receiver.ts';
import type { Settled } from '../receive/delivery.ts';
import type { Loan, Outcome } from '../receive/loan.ts';
import type { Book } from './book.ts';
import { Collector, type CollectorLimits } from './collector.ts';
import { LeaseKeeper } from './lease-keeper.ts';

const settleAgainMs = 250;

interface Held extends Omit<CollectorLimits, 'retryMs'> {
  /** The deliveries that are ours now. */
  readonly open: () => Iterable<Loan>;
}

/** Message and lease style: each delivery is settled on its own; leases are kept while it is open. */
export class ReceiptBook implements Book {
  readonly isPositional = false;
  readonly #collector: Collector;
  readonly #leases: LeaseKeeper | undefined;

  constructor(receiver: MessageReceiver | LeaseReceiver, clock: Clock, held: Held) {
    const isLease = receiver.style === 'lease';
    const retryMs = isLease ? Math.min(settleAgainMs, receiver.leaseMs / 6) : settleAgainMs;
    this.#collector = new Collector(receiver, clock, { ...held, retryMs });
    if (isLease) this.#leases = new LeaseKeeper(receiver, clock, held.maxBatch, held.open);
  }

  room(): number {
    return Infinity;
  }
  leaseEndsAt(): number {
    return this.#leases?.endsAt() ?? Infinity;
  }
  opened(): void {}
  started(): void {}
  givesBack(): boolean {
    return true;
  }
  settle(_lane: Lane, loan: Loan, outcome: Outcome): void {
    this.#collector.add(loan, outcome);
  }
  async extend(loan: Loan): Promise<Settled> {
    return this.#leases ? this.#leases.extend(loan) : 'settled';
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
