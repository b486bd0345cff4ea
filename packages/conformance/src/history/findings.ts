import type { HistoryEvent } from './event.ts';
import type { Delivery, Message } from './ledger.ts';
import type { Anomaly, AnomalyClass } from './verdict.ts';

const WITNESS_LIMIT = 10;

/** An anomaly before its witness was fetched. */
export interface Finding extends Omit<Anomaly, 'witness'> {
  readonly ordinals: readonly number[];
}

/** Counts every finding and keeps the first few of each class. */
export class Findings {
  readonly counts: Partial<Record<AnomalyClass, number>> = {};
  readonly kept: Finding[] = [];
  isInvalid = false;
  isUnknown = false;
  readonly #keep: number;

  constructor(keep: number) {
    this.#keep = keep;
  }

  add(finding: Finding): void {
    const count = (this.counts[finding.class] ?? 0) + 1;
    this.counts[finding.class] = count;
    if (finding.means === 'invalid') this.isInvalid = true;
    else if (finding.means === 'unknown') this.isUnknown = true;
    if (count <= this.#keep) this.kept.push(finding);
  }
}

/** Walks the history again for the events that the findings point to. */
export function withWitnesses(findings: readonly Finding[], history: Iterable<HistoryEvent>): Anomaly[] {
  const wanted = new Map<number, HistoryEvent | undefined>();
  for (const { ordinals } of findings) for (const ordinal of witnessOf(ordinals)) wanted.set(ordinal, undefined);
  if (wanted.size > 0) fetch(wanted, history);
  return findings.map(({ ordinals, ...anomaly }) => ({
    ...anomaly,
    witness: witnessOf(ordinals).flatMap((ordinal) => wanted.get(ordinal) ?? []),
  }));
}

function fetch(wanted: Map<number, HistoryEvent | undefined>, history: Iterable<HistoryEvent>): void {
  const last = Math.max(...wanted.keys());
  let ordinal = 0;
  for (const event of history) {
    if (wanted.has(ordinal)) wanted.set(ordinal, event);
    if (ordinal === last) return;
    ordinal += 1;
  }
}

/** In order, each once, without what was never recorded. */
function witnessOf(ordinals: readonly number[]): number[] {
  return [...new Set(ordinals)]
    .filter((ordinal) => ordinal >= 0)
    .toSorted((left, right) => left - right)
    .slice(0, WITNESS_LIMIT);
}

/** What shows a publish. */
export function publishOrdinals(message: Message): number[] {
  return [message.invokeOrdinal, message.okOrdinal];
}

/** What shows a delivery: its start, its end, and its settlement. */
export function deliveryOrdinals(delivery: Delivery): number[] {
  return [delivery.ordinal, delivery.endOrdinal, delivery.settleOrdinal, delivery.settledOrdinal];
}

/** Whole milliseconds since the run began are easier to compare than clock readings. */
export function ms(duration: number): string {
  return `${Math.round(duration * 10) / 10} ms`;
}
