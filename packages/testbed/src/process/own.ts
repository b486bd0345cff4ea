import { readFileSync } from 'node:fs';
import { TestbedError } from '../errors.ts';
import type { ProcessMembers } from '../server.ts';
import { waitFor } from '../wait.ts';
import { startProcess, type ManagedProcess, type ProcessPlan } from './managed.ts';
import type { Run } from './run.ts';

/** How a server of our own is run, again and again on the same data and ports. */
export interface OwnPlan {
  /** As its makers write it. */
  readonly product: string;
  readonly run: Run;
  readonly server: ProcessPlan;
  /** What must run before the server, and is stopped after it; a kill of the server leaves it alone. */
  readonly helper?: ProcessPlan;
  /** The version once every listener answers in its protocol; rejects before. */
  readonly probe: () => Promise<string>;
  readonly startTimeoutMs: number;
  /** Where to look when it does not start. */
  readonly logs: readonly string[];
}

interface Processes {
  readonly helper: ManagedProcess | undefined;
  readonly server: ManagedProcess;
}

/** Starts it and resolves when it answers. A failed start leaves no process; the run is the caller's to remove. */
export async function ownServer(plan: OwnPlan): Promise<ProcessMembers & { readonly version: string }> {
  let processes = await startProcesses(plan);
  const version = await ready(processes.server, plan).catch(async (error: unknown) => {
    await endProcesses(processes);
    throw error;
  });
  const stop = async () => {
    await processes.server.stop();
    await processes.helper?.stop();
  };
  return {
    version,
    controls: 'process',
    get pid() {
      return processes.server.pid;
    },
    get exited() {
      return processes.server.exited;
    },
    stop,
    async kill() {
      await processes.server.kill();
    },
    async restart() {
      await stop();
      processes = await startProcesses(plan);
      await ready(processes.server, plan);
    },
    pause: async () => processes.server.pause(),
    resume: async () => processes.server.resume(),
    async [Symbol.asyncDispose]() {
      await endProcesses(processes);
      plan.run.remove();
    },
  };
}

async function startProcesses({ run, helper: helperPlan, server: serverPlan }: OwnPlan): Promise<Processes> {
  const helper = helperPlan && (await startProcess(helperPlan));
  if (helper) run.record(helper.pid);
  const server = await startProcess(serverPlan);
  run.record(server.pid);
  return { helper, server };
}

async function endProcesses({ helper, server }: Processes): Promise<void> {
  for (const each of [server, helper]) if (each?.isRunning) await each.kill();
}

/** Resolves with the version; a server that gives up ends the wait at once. */
async function ready(server: ManagedProcess, plan: OwnPlan): Promise<string> {
  let lastError = 'it was never asked';
  const ask = async () => {
    if (!server.isRunning) throw new TestbedError('it ended');
    return plan.probe().catch((error: Error) => void (lastError = error.message));
  };
  return waitFor('an answer', ask, { timeoutMs: plan.startTimeoutMs, everyMs: 10 }).catch((error: Error) => {
    const reason = server.isRunning ? `${error.message} (${lastError})` : error.message;
    throw new TestbedError(
      `${plan.product} did not start: ${reason}; the end of its log (${plan.logs[0]}):\n${logTail(plan.logs)}`,
      { cause: error },
    );
  });
}

function logTail(logs: readonly string[]): string {
  return logs.map((file) => lastLines(file, 15)).join('\n');
}

function lastLines(file: string, count: number): string {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').slice(-count).join('\n');
  } catch {
    return `(no ${file})`;
  }
}
