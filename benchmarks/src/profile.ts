import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGround } from './ground.ts';
import { byFunction, byPackage, type CpuProfile, type SelfTime } from './harness/cpu-profile.ts';
import { figureOf } from './harness/figures.ts';
import { fromSources } from './harness/launch.ts';
import { measureOnce } from './harness/measure.ts';
import type { Arm, Row } from './harness/row.ts';
import type { Launch } from './harness/run-arm.ts';
import { sizeOf } from './harness/size.ts';
import type { BenchOptions } from './options.ts';

const functions = 30;

/** One run of each arm of the chosen rows under the CPU profiler, from the sources: what takes the time, function by function. */
export async function profile(options: BenchOptions): Promise<void> {
  const launch = fromSources();
  const size = sizeOf(options.broker, options);
  const directory = mkdtempSync(join(tmpdir(), 'waybill-profile-'));
  try {
    await using ground = await openGround(options.broker, size, launch);
    for (const row of ground.rows.filter(({ id }) => id.startsWith(options.only ?? ''))) {
      for (const arm of row.arms) await profileArm(launch, row, arm, join(directory, 'arm.cpuprofile'));
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function profileArm(launch: Launch, row: Row, arm: Arm, file: string): Promise<void> {
  const environment = { WAYBILL_BENCH_PROFILE: file };
  const { measured } = await measureOnce({ ...launch, environment }, row, arm, 0);
  const found = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  console.log(`\n${row.id}: ${arm.name}: ${figureOf('cpu', measured)?.toFixed(2)} µs of CPU a message while profiled`);
  print(byPackage(found));
  console.log('');
  print(byFunction(found).slice(0, functions));
}

function print(times: readonly SelfTime[]): void {
  for (const { share, name } of times) console.log(`${(share * 100).toFixed(1).padStart(6)} %  ${name}`);
}
