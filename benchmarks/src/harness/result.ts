import type { Footprint } from './footprint.ts';
import { holds, judgeRow, type RowResult } from './judge.ts';
import { loadNow, type Machine } from './machine.ts';
import type { RowRuns, Run } from './measure.ts';
import type { Row } from './row.ts';
import type { Size } from './size.ts';

/** What a session was, apart from its figures. */
export interface SessionFacts {
  readonly broker: string;
  /** ISO date and time. */
  readonly startedAt: string;
  readonly minutes: number;
  readonly machine: Machine;
  /** `packages`: packed as for a release; `sources`: the working tree. */
  readonly code: 'packages' | 'sources';
  readonly size: Size;
  readonly isQuick: boolean;
  /** Only rows whose id begins with it were run. */
  readonly only?: string;
}

export interface FinishedRow extends RowResult {
  readonly row: Omit<Row, 'field'>;
  readonly runs: readonly Run[];
  /** Of the minute before it ended. The session itself makes two or three. */
  readonly load: number;
}

/** Everything that a report shows, and that is written beside it as JSON. */
export interface SessionResult {
  readonly facts: SessionFacts;
  /** Why nothing of the session counts. Empty: it counts. */
  readonly voidBecause: readonly string[];
  readonly rows: readonly FinishedRow[];
  readonly footprint?: Footprint;
}

export function finish({ row: { field: _, prepare: _p, ...row }, runs }: RowRuns): FinishedRow {
  return { row, runs, load: loadNow()[0] ?? 0, ...judgeRow({ row, runs }) };
}

/** A session without a control, or whose control shows a difference where there is none, says nothing. */
export function reasonsToVoid(rows: readonly FinishedRow[]): readonly string[] {
  const controls = rows.filter(({ row }) => row.isControl);
  if (controls.length === 0) return ['no control was run'];
  return controls.flatMap(({ row, compared, faulty }) => [
    ...(faulty.length > 0 ? [`${row.id}: its sequence numbers were wrong`] : []),
    ...compared
      .filter((one) => !holds(one))
      .map(
        ({ metric, ratio }) =>
          `${row.id}: raw against raw shows ${ratio?.median.toFixed(3)} [${ratio?.low.toFixed(3)}, ${ratio?.high.toFixed(3)}] for ${metric}`,
      ),
  ]);
}
