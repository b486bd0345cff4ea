import { check, type Explanation, readHistory, type Verdict } from '@waybill/conformance/history';
import type { Place } from '../load/destinations.ts';
import type { RunRecord } from '../outcome.ts';
import { claimFor } from './claims.ts';
import { partOf } from './part.ts';
import { type Recovery, recoveriesIn } from './recovery.ts';

export interface Judgement {
  readonly outcome: 'valid' | 'invalid' | 'unknown';
  readonly verdicts: ReadonlyMap<Place, Verdict>;
  readonly recoveries: readonly Recovery[];
  /** Why it is not valid, beside what the verdicts say. */
  readonly complaints: readonly string[];
}

export function judge(record: RunRecord): Judgement {
  const history = readHistory(record.directory, record.run);
  const verdicts = new Map(
    record.style.places.map((place) => [
      place,
      check(partOf(history, place), claimFor(place, record.plan, record.style, record.faults)),
    ]),
  );
  const recoveries = recoveriesIn(history, record.outage);
  const late = recoveries.flatMap((recovery) => lateIn(recovery, record));
  const complaints = [...record.complaints, ...late, ...unaccounted(record, verdicts)];
  return { outcome: outcomeOf(verdicts, complaints), verdicts, recoveries, complaints };
}

function lateIn({ fault, liveMs }: Recovery, { recoverWithinMs }: RunRecord): string[] {
  const late = [...liveMs].filter(([, ms]) => !(ms <= recoverWithinMs));
  return late.map(
    ([consumer, ms]) =>
      `${fault}: ${consumer} live ${Number.isFinite(ms) ? `${Math.round(ms)} ms` : 'never'} after the port was open, at most ${recoverWithinMs} ms`,
  );
}

function unaccounted({ repeats = Infinity }: RunRecord, verdicts: Judgement['verdicts']): string[] {
  const again = [...verdicts.values()].reduce((sum, { counts }) => sum + (counts.explained.fault ?? 0), 0);
  return again > repeats ? [`${again} deliveries came again by a fault, and the broker repeated ${repeats}`] : [];
}

function outcomeOf(verdicts: ReadonlyMap<Place, Verdict>, complaints: readonly string[]): Judgement['outcome'] {
  const outcomes = [...verdicts.values()].map(({ outcome }) => outcome);
  if (complaints.length > 0 || outcomes.includes('invalid')) return 'invalid';
  return outcomes.includes('unknown') ? 'unknown' : 'valid';
}

/** How many deliveries came again, by cause, over all destinations. */
export function explainedIn({ verdicts }: Judgement): ReadonlyMap<Explanation, number> {
  const sum = new Map<Explanation, number>();
  for (const { counts } of verdicts.values())
    for (const [cause, count] of Object.entries(counts.explained) as [Explanation, number][])
      sum.set(cause, (sum.get(cause) ?? 0) + count);
  return sum;
}
