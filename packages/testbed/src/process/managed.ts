import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { basename } from 'node:path';
import { TestbedError } from '../errors.ts';
import { waitFor } from '../wait.ts';
import { threadStates } from './threads.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ManagedProcess {
  readonly pid: number;
  /** Settles on the exit event of the process: the only proof that it has ended. */
  readonly exited: Promise<Exit>;
  readonly isRunning: boolean;
  /** SIGTERM, then SIGKILL when it is still there after `timeoutMs` (default 20,000). */
  stop(timeoutMs?: number): Promise<Exit>;
  /** SIGKILL; resolves when the process has ended. */
  kill(): Promise<Exit>;
  /** SIGSTOP; resolves when every thread has stopped. The kernel still accepts TCP connections, nobody answers them. */
  pause(): Promise<void>;
  /** SIGCONT; resolves when no thread is stopped any more. */
  resume(): Promise<void>;
}

export interface ProcessPlan {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly directory: string;
  /** Standard output and standard error are appended here. */
  readonly logFile: string;
}

const running = new Set<ChildProcess>();

// Ends what a caller forgot. A run that is itself killed is cleaned up at the next start.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export async function startProcess(plan: ProcessPlan): Promise<ManagedProcess> {
  const log = openSync(plan.logFile, 'a');
  const child = spawn(plan.command, plan.arguments, {
    cwd: plan.directory,
    env: plan.environment,
    stdio: ['ignore', log, log],
    // A Ctrl-C in the terminal is for us; we stop the server in order.
    detached: true,
  });
  closeSync(log);
  return supervise(child, basename(plan.command));
}

/** Takes over a process that has just been spawned; rejects when it could not be started. */
export async function supervise(child: ChildProcess, name: string): Promise<ManagedProcess> {
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  await once(child, 'spawn').catch((error: Error) => {
    throw new TestbedError(`cannot start ${name}: ${error.message}`, { cause: error });
  });
  running.add(child);
  return manage(child, name, exited);
}

function manage(child: ChildProcess, name: string, exited: Promise<Exit>): ManagedProcess {
  const signal = (wanted: NodeJS.Signals) => {
    if (running.has(child) && child.kill(wanted)) return;
    throw new TestbedError(`cannot send ${wanted} to ${name} (pid ${child.pid}): it has ended; start it again first`);
  };
  return {
    pid: child.pid as number,
    exited,
    get isRunning() {
      return running.has(child);
    },
    async stop(timeoutMs = 20_000) {
      if (!running.has(child)) return exited;
      const deadline = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      child.kill('SIGTERM');
      child.kill('SIGCONT');
      return exited.finally(() => clearTimeout(deadline));
    },
    async kill() {
      signal('SIGKILL');
      return exited;
    },
    async pause() {
      signal('SIGSTOP');
      await threadsAre('stopped', child.pid as number);
    },
    async resume() {
      signal('SIGCONT');
      await threadsAre('running', child.pid as number);
    },
  };
}

async function threadsAre(wanted: 'stopped' | 'running', pid: number): Promise<void> {
  const isStopped = (state: string): boolean => state === 'T';
  const isSo = () => {
    const states = threadStates(pid);
    return (wanted === 'stopped' ? states.every(isStopped) : !states.some(isStopped)) || undefined;
  };
  await waitFor(`every thread of process ${pid} to be ${wanted}`, isSo, { everyMs: 2 });
}
