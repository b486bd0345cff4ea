import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TestbedError } from '../errors.ts';
import { supervise, type Exit, type ManagedProcess } from '../process/managed.ts';
import { holdVariable, type Order, type Reached } from './messages.ts';
import { Reports } from './reports.ts';

export interface ChildOptions {
  /** Points at which the child waits, each with the passage (counted from 1) at which it does. */
  readonly holdAt?: Readonly<Record<string, number>>;
  /** Added to the environment of this process. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** A program in a process of its own, which reports the named points that it reaches. */
export interface Child extends ManagedProcess, AsyncDisposable {
  /**
   * Resolves when the child has reached the point, at once when it already has; with `holdAt` for that point,
   * when it is held there. Rejects when the child ends first, or after `timeoutMs` (default 30,000).
   */
  reached(point: string, timeoutMs?: number): Promise<Reached>;
  /** From now on the child waits at the point when it passes it for the `passage`th time (counted from its start). */
  hold(point: string, passage: number): void;
  /** Lets a child go on that is held at the point. */
  release(point: string): void;
  /** What it has printed so far, standard output and standard error together. */
  readonly output: string;
  /** Kills it when it still runs. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Runs a TypeScript module with the present Node. The module calls `failpoint` at the points that matter;
 * it ends by itself when this process does.
 */
export async function startChild(
  module: URL | string,
  childArguments: readonly string[] = [],
  options: ChildOptions = {},
): Promise<Child> {
  const holdAt = options.holdAt ?? {};
  const child = fork(module instanceof URL ? fileURLToPath(module) : module, childArguments, {
    env: { ...process.env, ...options.environment, [holdVariable]: JSON.stringify(holdAt) },
    execArgv: ['--conditions=waybill-source', '--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output = collectOutput(child);
  const reports = new Reports(child, holdAt);
  const supervised = await supervise(child, String(module));
  return {
    ...supervised,
    get isRunning() {
      return supervised.isRunning;
    },
    get output() {
      return output();
    },
    async reached(point, timeoutMs = 30_000) {
      const report = await reports.reached(point, timeoutMs, supervised.exited);
      if ('point' in report) return report;
      throw new TestbedError(
        `the child ended (${describeExit(report)}) before it reached "${point}"; it printed:\n${output()}`,
      );
    },
    hold(point, passage) {
      reports.expectHold(point, passage);
      send(child, { kind: 'hold', point, passage });
    },
    release: (point) => send(child, { kind: 'release', point }),
    async [Symbol.asyncDispose]() {
      if (supervised.isRunning) await supervised.kill();
    },
  };
}

function collectOutput(child: ChildProcess): () => string {
  const pieces: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece));
  }
  return () => pieces.join('');
}

function send(child: ChildProcess, order: Order): void {
  if (!child.connected) throw new TestbedError(`the child (pid ${child.pid}) has ended and takes no orders`);
  child.send(order);
}

function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : signal;
}
