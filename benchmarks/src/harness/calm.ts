import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const lookEveryMs = 300;
const looks = 3;
/** Of a core. */
const calmShare = 0.1;
const longestMs = 60_000;

/**
 * Resolves when a process has used little processor time for about a second. A broker goes on writing long after it has
 * confirmed (RabbitMQ moves its log into segments for seconds, now and then): whoever is measured meanwhile looks half
 * as fast. Rejects when it does not become calm; does nothing where there is no `/proc`.
 */
export async function calm(pid: number): Promise<void> {
  const began = performance.now();
  let before = processorMs(pid);
  for (let seen = 0; seen < looks;) {
    if (performance.now() - began > longestMs) throw new Error(`Process ${pid} is still busy after ${longestMs} ms`);
    await pause(lookEveryMs);
    const now = processorMs(pid);
    if (before === undefined || now === undefined) return;
    seen = now - before < calmShare * lookEveryMs ? seen + 1 : 0;
    before = now;
  }
}

/** User and system time so far, from `/proc/<pid>/stat`, which counts in hundredths of a second. */
function processorMs(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return undefined;
  }
}
