import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { holdVariable, type Reached } from './failpoint.ts';

export interface ChildOptions {
  /** Handed to the program as one JSON argument, after the broker's URL. */
  readonly input?: unknown;
  /** Points at which it waits to be killed, each with the passage (counted from 1) at which it does. */
  readonly holdAt?: Readonly<Record<string, number>>;
}

interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A program in a process of its own. */
export interface Child {
  readonly pid: number;
  readonly isRunning: boolean;
  /** Every passage it has reported, oldest first. */
  readonly reports: readonly Reached[];
  readonly exited: Promise<Exit>;
  readonly output: string;
  /** SIGKILL; resolves with evidence when the process is gone. */
  kill(): Promise<string>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
}

/** Programs in TypeScript need the condition under which packages resolve to their sources. */
const nodeOptions = (file: string): string[] =>
  file.endsWith('.ts') ? ['--conditions=waybill-source', '--disable-warning=ExperimentalWarning'] : [];

export function startChild(
  program: string | URL,
  url: string,
  { input = {}, holdAt = {} }: ChildOptions,
): Promise<Child> {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const module = program instanceof URL ? program : new URL(`./programs/${program}${extension}`, import.meta.url);
  const file = fileURLToPath(module);
  const child = fork(file, [url, JSON.stringify(input)], {
    env: { ...process.env, [holdVariable]: JSON.stringify(holdAt) },
    execArgv: nodeOptions(file),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(supervise(child)));
  });
}

function supervise(child: ChildProcess): Child {
  const reports: Reached[] = [];
  const output: string[] = [];
  child.on('message', (report: Reached) => reports.push(report));
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid!,
    get isRunning() {
      return isRunning();
    },
    reports,
    exited,
    get output() {
      return output.join('');
    },
    async kill() {
      if (isRunning()) child.kill('SIGKILL');
      const { code, signal } = await exited;
      return `pid ${child.pid} ended by ${signal ?? `exit code ${code}`}`;
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  };
}
