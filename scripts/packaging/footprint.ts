import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runOrFail } from '../lib/command.ts';
import { findNode } from './node-versions.ts';
import { places } from './places.ts';

/** The target was 150 kB; see design/decisions/0007. */
export const maxCoreBytes = 169_000;
/** A wall against growth that holds on a busy machine. The target of 10 ms is judged by the benchmark, on a quiet one. */
const maxImportMs = 20;
const samples = 20;

/** The size of every file of installed core. */
export function measureSize(): string {
  const directory = join(places.consumer, 'node_modules/@waybill/core');
  const files = globSync('**/*', { cwd: directory }).map((path) => statSync(join(directory, path)));
  const bytes = files.filter((file) => file.isFile()).reduce((sum, { size }) => sum + size, 0);
  return judgeSize(bytes);
}

export function judgeSize(bytes: number): string {
  const text = `core is ${(bytes / 1000).toFixed(1)} kB installed, at most ${maxCoreBytes / 1000} kB`;
  if (bytes === 0) throw new Error('core is not installed');
  if (bytes > maxCoreBytes) throw new Error(text);
  return text;
}

const importCore = `
const before = process.cpuUsage();
await import('@waybill/core');
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1000);`;

/** The processor time of the first import of core, each time in a new process: other programs do not change it much. */
export async function measureImport(version: string): Promise<string> {
  const node = await findNode(version);
  const times: number[] = [];
  for (let index = 0; index < samples; index++) {
    const program = [node, '--input-type=module', '--eval', importCore] as const;
    const { stdout } = await runOrFail(program, { cwd: places.consumer, environment: { NODE_OPTIONS: undefined } });
    times.push(Number(stdout));
  }
  return judgeImport(times);
}

export function judgeImport(times: readonly number[]): string {
  const sorted = times.toSorted((left, right) => left - right);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  const [median, least, most] = [at(0.5), at(0), at(1)].map((time) => time.toFixed(1));
  const text = `importing core takes ${median} ms of processor time (median of ${times.length}, ${least} to ${most}), at most ${maxImportMs} ms`;
  if (!(at(0.5) <= maxImportMs)) throw new Error(text);
  return text;
}
