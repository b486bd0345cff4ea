import { openGround } from './ground.ts';
import { figureOf } from './harness/figures.ts';
import { judgeRow } from './harness/judge.ts';
import { fromPackages, fromSources } from './harness/launch.ts';
import { measureRow } from './harness/measure.ts';
import { sizeOf } from './harness/size.ts';
import type { BenchOptions } from './options.ts';

export async function runSession(options: BenchOptions): Promise<void> {
  const launch = options.isFromSources ? fromSources() : await fromPackages();
  const size = sizeOf(options.broker, options);
  await using ground = await openGround(options.broker, size, launch);
  for (const row of ground.rows.filter(({ id }) => id.startsWith(options.only ?? ''))) {
    console.log(`\n${row.id}: ${row.title}`);
    const runs = await measureRow(launch, row, size.pairs, (run) => {
      console.log(`  ${run.arm.padEnd(28)} ${row.metrics.map((metric) => `${metric} ${figureOf(metric, run.measured)?.toFixed(2)}`).join('  ')} ${JSON.stringify(run.faults)}`);
    });
    const result = judgeRow(runs);
    for (const { metric, ratio } of result.compared) if (ratio) console.log(`  ${metric} ratio ${ratio.median.toFixed(3)} [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}]`);
    for (const { gate, verdict } of result.judged) console.log(`  ${verdict}: ${JSON.stringify(gate)}`);
  }
}
