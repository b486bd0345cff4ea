import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import type { Measured } from './measured.ts';

/** Where to write a CPU profile of the measured part. Set by `--profile` only. */
const profileFile = process.env['WAYBILL_BENCH_PROFILE'];
const profilingIntervalUs = 200;

/**
 * What this process uses from the first `start` to `stop`. Time counts in its turns only; CPU all the way, since what is
 * left for afterwards, or fetched ahead, costs something too, and who waits for his turn uses none.
 */
export class Meter {
  #elapsedMs = 0;
  #startedAt: number | undefined;
  #cpu: NodeJS.CpuUsage | undefined;
  #profiler: Session | undefined;

  start(): void {
    if (this.#cpu === undefined && profileFile !== undefined) this.#profiler = startProfiler();
    this.#cpu ??= process.cpuUsage();
    this.#startedAt = performance.now();
  }

  /** The turn is over. */
  pause(): void {
    if (this.#startedAt !== undefined) this.#elapsedMs += performance.now() - this.#startedAt;
    this.#startedAt = undefined;
  }

  stop(messages: number): Measured {
    this.pause();
    const { user, system } = process.cpuUsage(this.#cpu);
    const maxRssMb = process.resourceUsage().maxRSS / 1024;
    this.#profiler?.post('Profiler.stop', (_, { profile }) =>
      writeFileSync(profileFile ?? '', JSON.stringify(profile)),
    );
    return { messages, elapsedMs: this.#elapsedMs, userUs: user, systemUs: system, maxRssMb };
  }
}

/** A session in its own thread answers before `post` returns. */
function startProfiler(): Session {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: profilingIntervalUs });
  session.post('Profiler.start');
  return session;
}

/** Two turns of the event loop: what the last handlers left to be settled at the end of their turn is on its way then. */
export async function endOfTurn(): Promise<void> {
  for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
}
