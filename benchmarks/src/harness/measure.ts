import type { Assignment, Measured, SequenceFaults } from '../arms/shared/measured.ts';
import { addFaults } from '../arms/shared/sequence.ts';
import type { Arm, Field, Row } from './row.ts';
import { type Launch, runArm, startArm } from './run-arm.ts';

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
    for await (const run of measurePair(launch, row, pair)) {
      runs.push(run);
      onRun(run);
    }
  }
  return { row, runs };
}

async function* measurePair(launch: Launch, row: Row, pair: number): AsyncGenerator<Run> {
  if (row.turns !== undefined) yield* await measureInTurns(launch, row, row.turns, pair);
  else for (const arm of orderOf(row.arms, pair)) yield await measureOnce(launch, row, arm, pair);
}

export async function measureOnce(launch: Launch, row: Row, arm: Arm, pair: number): Promise<Run> {
  await row.prepare?.();
  const field = await row.field?.(arm, row);
  try {
    await launch.before?.();
    return await runOf(arm, pair, field, await runArm(launch, assignmentOf(row, arm, field)));
  } finally {
    await field?.remove();
  }
}

/** Both arms at once, each in its process: one has its turn while the other waits, A B, B A and so on. */
async function measureInTurns(launch: Launch, row: Row, turns: number, pair: number): Promise<readonly Run[]> {
  await row.prepare?.();
  const fields: (Field | undefined)[] = [];
  try {
    for (const arm of row.arms) fields.push(await row.field?.(arm, row));
    const takers = row.arms.map((arm, index) => startArm(launch, { ...assignmentOf(row, arm, fields[index]), turns }));
    await Promise.all(takers.map((taker) => taker.idle()));
    await launch.before?.();
    for (let turn = 0; turn < turns; turn++)
      for (const taker of orderOf(takers, pair + turn)) {
        taker.go();
        await taker.idle();
      }
    for (const taker of takers) taker.go();
    const measured = await Promise.all(takers.map((taker) => taker.measured));
    const runs: Run[] = [];
    for (const [index, arm] of row.arms.entries()) runs.push(await runOf(arm, pair, fields[index], measured[index]!));
    return runs;
  } finally {
    for (const field of fields) await field?.remove();
  }
}

const assignmentOf = (row: Row, arm: Arm, field: Field | undefined): Assignment => ({
  program: arm.program,
  warmUp: row.warmUp,
  messages: arm.messages ?? row.messages,
  settings: { ...arm.settings, ...field?.settings },
});

async function runOf(arm: Arm, pair: number, field: Field | undefined, measured: Measured): Promise<Run> {
  const found = [measured.faults, await field?.faults?.()].filter((faults) => faults !== undefined);
  if (found.length === 0) throw new Error(`${arm.program} checks no sequence numbers, and neither does its row`);
  return { arm: arm.name, pair, measured, faults: addFaults(found) };
}
