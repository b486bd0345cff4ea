import { type ChildProcess, spawn } from 'node:child_process';
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

/** Runs one assignment in a fresh process, alone. Rejects with what the process said when it fails. */
export const runArm = (launch: Launch, assignment: Assignment): Promise<Measured> =>
  measuredBy(start(launch, assignment, false), assignment);

/** One of the processes that run in turns. */
export interface TurnTaker {
  /** Resolves when it has done what it was told to, and uses nothing until it is told to go on. */
  idle(): Promise<unknown>;
  go(): void;
  /** Rejects with what the process said when it fails. */
  readonly measured: Promise<Measured>;
}

/** Starts one assignment in a fresh process that warms up, and then goes on only when it is told to. */
export function startArm(launch: Launch, assignment: Assignment): TurnTaker {
  const child = start(launch, assignment, true);
  const measured = measuredBy(child, assignment);
  let tell: () => void = () => undefined;
  const nextWord = (): Promise<void> => new Promise((resolve) => (tell = resolve));
  let told = nextWord();
  child.on('message', () => tell());
  return {
    measured,
    idle: () => Promise.race([told, measured]),
    go() {
      told = nextWord();
      child.send('go');
    },
  };
}

function start(launch: Launch, assignment: Assignment, takesTurns: boolean): ChildProcess {
  const command = [...launch.prefix, process.execPath, ...launch.nodeArguments, launch.entry];
  const [file, ...fixed] = command as [string, ...string[]];
  return spawn(file, [...fixed, JSON.stringify(assignment)], {
    stdio: ['ignore', 'pipe', 'pipe', ...(takesTurns ? (['ipc'] as const) : [])],
    env: { ...process.env, ...launch.environment },
    timeout: longestRunMs,
    killSignal: 'SIGKILL',
  });
}

function measuredBy(child: ChildProcess, { program }: Assignment): Promise<Measured> {
  let output = '';
  let complaints = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(output) as Measured);
      else reject(new Error(`${program} ended with ${signal ?? `exit code ${code}`}\n${complaints}`));
    });
  });
}
