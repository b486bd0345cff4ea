import { spawn } from 'node:child_process';
import type { Assignment, Measured } from '../arms/shared/measured.ts';

/** How a process that measures is started. */
export interface Launch {
  /** The arms' entry: a copy beside the packed packages, or the source itself. */
  readonly entry: string;
  readonly nodeArguments: readonly string[];
  /** In front of Node: `taskset`, where the cores are divided. */
  readonly prefix: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Awaited between what prepares a run and the run. */
  readonly before?: () => Promise<void>;
}

const longestRunMs = 300_000;

/** Runs one assignment in a fresh process. Rejects with what the process said when it fails. */
export function runArm(launch: Launch, assignment: Assignment): Promise<Measured> {
  const command = [...launch.prefix, process.execPath, ...launch.nodeArguments, launch.entry];
  const [file, ...fixed] = command as [string, ...string[]];
  const child = spawn(file, [...fixed, JSON.stringify(assignment)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...launch.environment },
    timeout: longestRunMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(output) as Measured);
      else reject(new Error(`${assignment.program} ended with ${signal ?? `exit code ${code}`}\n${complaints}`));
    });
  });
}
