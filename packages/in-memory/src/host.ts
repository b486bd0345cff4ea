import type { Clock, Limits } from '@waybill/core/driver';
import type { Agenda } from './agenda.ts';
import type { DedupWindow } from './dedup.ts';
import type { Faults } from './faults.ts';
import type { Entry } from './records.ts';

/** What the parts of a broker need of the whole. */
export interface Host {
  readonly clock: Clock;
  readonly agenda: Agenda;
  readonly faults: Faults;
  readonly limits: Limits;
  readonly dedup: DedupWindow;
  /** Entries of each journal. */
  readonly history: number;
  /** Something moved that somebody may be waiting for. */
  changed(): void;
  /** Where a queue's net is, puts a copy of what the queue gave up there. */
  bury(deadLetter: string | undefined, entry: Entry, from: string, reason: string): void;
}
