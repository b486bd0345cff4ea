import { AssertionError } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 3;

/** Waits for something that must happen. What `condition` throws ends the wait. */
export async function until(
  what: string,
  condition: () => unknown,
  withinMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    signal?.throwIfAborted();
    if (performance.now() > deadline) throw new AssertionError({ message: `waited ${withinMs} ms for ${what}` });
    await delay(pollMs);
  }
}

/** Resolves like `work`, or rejects when that takes too long. The work itself goes on. */
export async function within<T>(what: string, work: Promise<T>, ms: number): Promise<T> {
  const timer = new AbortController();
  const late = delay(ms, undefined, { signal: timer.signal, ref: true }).then(() => {
    throw new AssertionError({ message: `${what} took longer than ${ms} ms` });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}

export const sleep = (ms: number, signal?: AbortSignal): Promise<void> => delay(ms, undefined, signal && { signal });
