import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '@waybill/testbed';

/** What a client meets at a port. `silent`: the connection is taken, and nobody answers. */
export type Probe = 'refused' | 'silent' | 'answered';

/** Connects, greets as a client does, and waits for an answer. */
export function probe(port: number, greeting: Uint8Array, answerWithinMs = 500): Promise<Probe> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (answer: Probe): void => {
      socket.destroy();
      resolve(answer);
    };
    let isOpen = false;
    socket.on('connect', () => {
      isOpen = true;
      socket.write(greeting);
      socket.setTimeout(answerWithinMs, () => end('silent'));
    });
    socket.on('data', () => end('answered'));
    socket.on('error', () => end(isOpen ? 'silent' : 'refused'));
  });
}

/** Resolves when a TCP connection to the port is taken. */
export async function portOpen(port: number, signal: AbortSignal): Promise<void> {
  while (!(await accepts(port))) {
    signal.throwIfAborted();
    await pause(5);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Whether the operating system knows no such process any more. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Resolves with whether all threads of the process are stopped by a signal, as the kernel reports it (state `T`, proc(5)). */
export async function isStopped(pid: number): Promise<boolean> {
  const stopped = (): true | undefined =>
    readdirSync(`/proc/${pid}/task`).every((thread) => isThreadStopped(pid, thread)) || undefined;
  return waitFor('every thread to stop', stopped, { timeoutMs: 1_000, everyMs: 2 }).catch(() => false);
}

function isThreadStopped(pid: number, thread: string): boolean {
  const status = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
  return status.slice(status.lastIndexOf(')') + 2).startsWith('T');
}
