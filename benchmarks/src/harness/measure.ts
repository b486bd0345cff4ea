import type { Measured, SequenceFaults } from '../arms/shared/measured.ts';
import { addFaults } from '../arms/shared/sequence.ts';
import type { Arm, Row } from './row.ts';
import { type Launch, runArm } from './run-arm.ts';

/** One process of one arm. */
export interface Run {
  readonly arm: string;
  readonly pair: number;
  readonly measured: Measured;
  readonly faults: SequenceFaults;
}

export interface RowRuns {
  readonly row: Row;
  readonly runs: readonly Run[];
}

/** A B, B A, A B and so on: what drifts over the session reaches both arms alike. */
export function orderOf<T>(arms: readonly T[], pair: number): readonly T[] {
  return pair % 2 === 0 ? arms : arms.toReversed();
}

/** Every run of a row, in order. Nothing is discarded and nothing is tried again. */
export async function measureRow(launch: Launch, row: Row, pairs: number, onRun: (run: Run) => void): Promise<RowRuns> {
  const runs: Run[] = [];
  for (let pair = 0; pair < Math.min(pairs, row.mostPairs ?? pairs); pair++) {
    for (const arm of orderOf(row.arms, pair)) {
      const run = await measureOnce(launch, row, arm, pair);
      runs.push(run);
      onRun(run);
    }
  }
  return { row, runs };
}

export async function measureOnce(launch: Launch, row: Row, arm: Arm, pair: number): Promise<Run> {
  const { warmUp } = row;
  const messages = arm.messages ?? row.messages;
  const field = await row.field?.(arm, row);
  try {
    const settings = { ...arm.settings, ...field?.settings };
    await launch.before?.();
    const measured = await runArm(launch, { program: arm.program, warmUp, messages, settings });
    const found = [measured.faults, await field?.faults?.()].filter((faults) => faults !== undefined);
    if (found.length === 0) throw new Error(`${arm.program} checks no sequence numbers, and neither does its row`);
    return { arm: arm.name, pair, measured, faults: addFaults(found) };
  } finally {
    await field?.remove();
  }
}
