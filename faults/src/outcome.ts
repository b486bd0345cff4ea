import type { Claim } from '@waybill/conformance/history';
import type { Plan as BusPlan } from '@waybill/core';
import { type Place, shares } from './load/destinations.ts';

/** What a run leaves for the judge and the report. */
export interface RunRecord {
  readonly run: string;
  /** Of the histories. */
  readonly directory: string;
  readonly plan: BusPlan;
  readonly settings: Readonly<Record<string, string | number>>;
  /** What is wrong although the history may allow it. Any makes the run invalid. */
  readonly complaints: readonly string[];
  /** Of the broker. */
  readonly title: string;
  /** At least so many faults must be proved in the history of each destination. */
  readonly faults: number;
  /** The kind of fault after which recovery is timed from the open port on; none in a cluster. */
  readonly outage?: string;
  /** Every subscription is live again this long after the end of an outage, in milliseconds. */
  readonly recoverWithinMs: number;
  readonly style: Style;
  /** How many deliveries the broker repeated on purpose by its own account: no more may be put down to a fault. */
  readonly repeats?: number;
}

/** How the broker and the faults differ, as far as the claims depend on it. */
export interface Style {
  /** Whether an acceptance is known to have arrived. */
  readonly acceptance: 'sent' | 'confirmed';
  /** Whether the broker stores one copy however often a message is sent. */
  readonly dedup: boolean;
  readonly minimum: Readonly<Record<Place, number>>;
  /** What the broker carries; only that is judged. */
  readonly places: readonly Place[];
  /** Where the promise of a place has another form at this broker. */
  readonly claims: Partial<Readonly<Record<Place, Partial<Claim>>>>;
}

/** Most of each destination's share must be confirmed, or the run proves nothing. */
export function minimumOf(messages: number, places: readonly Place[]): Style['minimum'] {
  const whole = places.reduce((sum, place) => sum + shares[place], 0);
  const most = (place: Place): number => Math.floor((messages * shares[place] * 0.6) / whole);
  return { work: most('work'), keyed: most('keyed'), news: most('news'), log: most('log') };
}
