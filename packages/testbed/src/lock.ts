import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TestbedError } from './errors.ts';

/**
 * Runs `task` while no other process holds the lock on `path`.
 * The kernel holds the lock for a helper whose standard input is our pipe, so it is free again
 * however this process ends; nothing can go stale.
 */
export async function withLock<Result>(path: string, task: () => Promise<Result>): Promise<Result> {
  await mkdir(dirname(path), { recursive: true });
  const release = await acquire(path);
  try {
    return await task();
  } finally {
    await release();
  }
}

async function acquire(path: string): Promise<() => Promise<void>> {
  const holder = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // A signal meant for us (Ctrl-C) must not free the lock while we still clean up.
    detached: true,
  });
  const exited = once(holder, 'exit');
  const held = once(holder.stdout, 'data');
  const outcome = await Promise.race([held.then(() => 'held'), exited.then(([code]) => `exit code ${code}`)]).catch(
    (error: Error) => error.message,
  );
  if (outcome !== 'held') {
    throw new TestbedError(
      `cannot lock ${path}: flock ended with ${outcome}; is util-linux installed and the directory writable?`,
    );
  }
  return async () => {
    holder.stdin.end();
    await exited;
  };
}
