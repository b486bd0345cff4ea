import { figureOf, type Metric } from './figures.ts';
import type { RowRuns, Run } from './measure.ts';
import type { Gate, Row } from './row.ts';
import { type Estimate, estimate } from './statistics.ts';

/** One metric of one row. */
export interface Compared {
  readonly metric: Metric;
  /** By arm, in the row's order. */
  readonly figures: readonly Estimate[];
  /** Second arm by first, pair by pair. Absent in a row of one arm. */
  readonly ratio?: Estimate;
  /** Second arm less first, pair by pair. */
  readonly difference?: Estimate;
}

type Verdict = 'met' | 'missed' | 'void';

export interface Judged {
  readonly gate: Gate;
  readonly verdict: Verdict;
  /** The interval reaches across the limit: another session may judge otherwise. */
  readonly isClose: boolean;
}

export interface RowResult {
  readonly compared: readonly Compared[];
  readonly judged: readonly Judged[];
  /** Runs whose sequence numbers were wrong. One is enough to void the row. */
  readonly faulty: readonly Run[];
}

export function judgeRow({ row, runs }: Omit<RowRuns, 'row'> & { readonly row: Omit<Row, 'field'> }): RowResult {
  const names = row.arms.map(({ name }) => name);
  const compared = row.metrics.map((metric) => compare(metric, names, runs));
  const faulty = runs.filter(({ faults }) => faults.lost > 0 || faults.duplicates > 0 || faults.outOfOrder > 0);
  const judged = row.gates.map((gate) => judge(gate, compared, faulty.length > 0));
  return { compared, judged, faulty };
}

function compare(metric: Metric, names: readonly string[], runs: readonly Run[]): Compared {
  const series = names.map((name) => seriesOf(metric, name, runs));
  const figures = series.map((values) => estimate(values));
  const [first, second] = series;
  if (first === undefined || second === undefined) return { metric, figures };
  const ratio = estimate(second.map((value, pair) => value / first[pair]!));
  return { metric, figures, ratio, difference: estimate(second.map((value, pair) => value - first[pair]!)) };
}

/** The figures of one arm, pair by pair. */
function seriesOf(metric: Metric, name: string, runs: readonly Run[]): number[] {
  return runs
    .filter(({ arm }) => arm === name)
    .map(({ measured }) => {
      const figure = figureOf(metric, measured);
      if (figure === undefined) throw new Error(`${name} measured no ${metric}`);
      return figure;
    });
}

function judge(gate: Gate, compared: readonly Compared[], isVoid: boolean): Judged {
  const found = compared.find(({ metric }) => metric === gate.metric);
  const value = gate.of === 'figure' ? found?.figures.at(-1) : found?.ratio;
  if (found === undefined || value === undefined)
    throw new Error(`A gate on ${gate.metric}, which its row does not measure`);
  const isMet = isWithin(gate, value.median) || isDifferenceMet(gate, found.difference?.median);
  const isClose = isWithin(gate, value.low) !== isWithin(gate, value.high);
  return { gate, verdict: isVoid ? 'void' : isMet ? 'met' : 'missed', isClose };
}

const isWithin = ({ atLeast = -Infinity, atMost = Infinity }: Gate, value: number): boolean =>
  value >= atLeast && value <= atMost;

const isDifferenceMet = (gate: Gate, difference: number | undefined): boolean =>
  gate.of === 'ratio or difference' && difference !== undefined && difference <= gate.differenceAtMost;

/** Raw against raw may differ by so much before nothing of the session counts. */
export const controlTolerance = 0.03;

/** A control holds when its interval includes 1.00 and its median is within 3 % of it. */
export function holds({ ratio }: Compared): boolean {
  if (ratio === undefined) throw new Error('A control compares two arms');
  return ratio.low <= 1 && ratio.high >= 1 && Math.abs(ratio.median - 1) <= controlTolerance;
}
