import type { Place } from './load/destinations.ts';
import type { Plan as BusPlan } from '@waybill/core';

/** What a run leaves for the judge and the report. */
export interface RunRecord {
  readonly run: string;
  /** Of the histories. */
  readonly directory: string;
  readonly plan: BusPlan;
  readonly settings: Readonly<Record<string, string | number>>;
  /** What is wrong although the history may allow it. Any makes the run invalid. */
  readonly complaints: readonly string[];
  /** At least so many faults must be proved in the history of each destination. */
  readonly faults: number;
  readonly style: Style;
}

/** How the broker and the faults differ, as far as the claims depend on it. */
export interface Style {
  /** Whether an acceptance is known to have arrived. */
  readonly acceptance: 'sent' | 'confirmed';
  readonly minimum: Readonly<Record<Place, number>>;
}
