import type { Lane } from '../driver/receiver.ts';
import type { Settled } from '../receive/delivery.ts';
import type { Loan, Outcome } from '../receive/loan.ts';

/** How the fates of one receiver's deliveries reach its broker. One kind per style of settling. */
export interface Book {
  /** Positions are committed; nothing is settled, or given back, by itself. */
  readonly isPositional: boolean;
  /** Most that may be pulled from the lane now, whatever the credit says. */
  room(lane: Lane): number;
  /** When the lease of what is pulled now ends, by our clock. */
  leaseEndsAt(): number;
  opened(lane: Lane, loan: Loan): void;
  /** Its handler begins. */
  started(lane: Lane, loan: Loan): void;
  /** Giving it back unrun repeats nothing else. In a lane with one position only the tail may go. */
  givesBack(lane: Lane, loan: Loan): boolean;
  /** Calls `loan.done()` when the broker has it, or needs nothing. */
  settle(lane: Lane, loan: Loan, outcome: Outcome): void;
  /** Renews a lease now, where there is one. */
  extend(loan: Loan): Promise<Settled>;
  /** The lane left us. */
  forget(lane: Lane): void;
  /** The lane goes on from another position; nothing of it is open. */
  restart(lane: Lane): void;
  /** Resolves when every fate so far has its answer. */
  flushed(): Promise<void>;
  /** The receiver is gone: nothing more goes to it. */
  lose(): void;
}
