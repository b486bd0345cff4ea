import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ground, openGround } from './ground.ts';
import { figureOf } from './harness/figures.ts';
import { calm } from './harness/calm.ts';
import { type Footprint, measureFootprint } from './harness/footprint.ts';
import { fromPackages, fromSources } from './harness/launch.ts';
import { describeMachine } from './harness/machine.ts';
import { measureRow, type Run } from './harness/measure.ts';
import { report, runLine } from './harness/report.ts';
import { type FinishedRow, finish, reasonsToVoid, type SessionResult } from './harness/result.ts';
import type { Row } from './harness/row.ts';
import type { Launch } from './harness/run-arm.ts';
import { type Size, sizeOf } from './harness/size.ts';
import type { BenchOptions } from './options.ts';

/** Measures, judges, and writes the report. The exit code says whether the session counts, not whether targets are met. */
export async function runSession(options: BenchOptions): Promise<void> {
  const startedAt = new Date();
  const machine = describeMachine(options.broker);
  const size = sizeOf(options.broker, options);
  const stage = options.isFromSources ? undefined : await fromPackages();
  const launch = stage ?? fromSources();
  await using ground = await openGround(options.broker, size, launch);
  const { pid } = ground;
  const calmly = pid === undefined ? launch : { ...launch, before: () => calm(pid) };
  const rows = await measureRows(ground, calmly, size, options.only);
  const wantsFootprint = options.broker === 'rabbitmq' && 'footprint'.startsWith(options.only ?? '');
  const footprint: Footprint | undefined = stage && wantsFootprint ? measureFootprint(stage, size.pairs) : undefined;
  const result: SessionResult = {
    facts: {
      broker: ground.description,
      startedAt: startedAt.toISOString(),
      minutes: (Date.now() - startedAt.getTime()) / 60_000,
      machine,
      code: stage ? 'packages' : 'sources',
      size,
      isQuick: options.isQuick,
      ...(options.only !== undefined && { only: options.only }),
    },
    voidBecause: reasonsToVoid(rows),
    rows,
    ...(footprint && { footprint }),
  };
  publish(result, options);
}

async function measureRows(ground: Ground, launch: Launch, size: Size, only = ''): Promise<readonly FinishedRow[]> {
  const chosen = ground.rows.filter(({ id }) => id.startsWith(only));
  const finished: FinishedRow[] = [];
  for (const row of chosen) {
    console.error(`\n${row.id}: ${row.title}`);
    finished.push(finish(await measureRow(launch, row, size.pairs, (run) => console.error(`  ${lineOf(row, run)}`))));
    if (row.isControl === true && reasonsToVoid(finished).length > 0) break;
  }
  return finished;
}

const lineOf = (row: Row, run: Run): string =>
  `${run.arm.padEnd(28)} ${runLine(row.metrics, (metric) => figureOf(metric, run.measured))}`;

function publish(result: SessionResult, { broker, isQuick, only, out, isFromSources }: BenchOptions): void {
  const text = report(result);
  console.log(`\n${text}`);
  const isFull = !isQuick && !isFromSources && only === undefined;
  const file = out ?? (isFull ? fileURLToPath(new URL(`../reports/${broker}.md`, import.meta.url)) : undefined);
  if (file !== undefined) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    writeFileSync(file.replace(/(\.md)?$/, '.json'), `${JSON.stringify(result, undefined, 1)}\n`);
    console.error(`Written to ${file}`);
  }
  if (result.voidBecause.length > 0) process.exitCode = 2;
}
