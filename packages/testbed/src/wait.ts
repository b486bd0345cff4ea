import { setTimeout as pause } from 'node:timers/promises';
import { TestbedError } from './errors.ts';

/** Asks again and again until the answer is not undefined. For conditions that nothing announces. */
export async function waitFor<Answer>(
  what: string,
  ask: () => Promise<Answer | undefined> | Answer | undefined,
  options: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<Answer> {
  const { timeoutMs = 10_000, everyMs = 25 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new TestbedError(`waited ${timeoutMs} ms in vain for ${what}`);
    await pause(everyMs);
  }
}
