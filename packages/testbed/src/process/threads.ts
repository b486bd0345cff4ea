import { readdirSync, readFileSync } from 'node:fs';

/** States of the threads of a process as the kernel reports them (proc(5)); `T` is stopped by a signal. */
export function threadStates(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => stateOf(pid, thread) ?? []);
}

/** Undefined for a thread that ended after it was listed. */
function stateOf(pid: number, thread: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    return stat.charAt(stat.lastIndexOf(')') + 2);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
