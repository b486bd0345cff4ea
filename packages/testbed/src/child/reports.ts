import type { ChildProcess } from 'node:child_process';
import { TestbedError } from '../errors.ts';
import type { Exit } from '../process/managed.ts';
import type { Reached } from './messages.ts';

/** What a child has reported, and who waits for more. */
export class Reports {
  readonly #latest = new Map<string, Reached>();
  readonly #heldPassages: Map<string, number>;
  readonly #waiting = new Set<() => void>();
  /** Comes after everything that the child has sent. */
  readonly #disconnected: Promise<void>;

  constructor(child: ChildProcess, holdAt: Readonly<Record<string, number>>) {
    this.#heldPassages = new Map(Object.entries(holdAt));
    this.#disconnected = new Promise((resolve) => child.once('disconnect', resolve));
    child.on('message', (report: Reached) => {
      this.#latest.set(report.point, report);
      for (const look of this.#waiting) look();
    });
  }

  expectHold(point: string, passage: number): void {
    this.#heldPassages.set(point, passage);
  }

  /** Resolves with the report about the point, or with how the child ended when that came first. */
  async reached(point: string, timeoutMs: number, exited: Promise<Exit>): Promise<Reached | Exit> {
    let look = () => {};
    let deadline: NodeJS.Timeout | undefined;
    const waiting = new Promise<Reached | Exit>((resolve, reject) => {
      look = () => {
        const report = this.#latest.get(point);
        if (report && this.#satisfies(report)) resolve(report);
      };
      void this.#disconnected.then(() => exited).then(resolve);
      const late = new TestbedError(`the child has not reached "${point}" within ${timeoutMs} ms`);
      deadline = setTimeout(() => reject(late), timeoutMs);
    });
    this.#waiting.add(look);
    look();
    return waiting.finally(() => {
      clearTimeout(deadline);
      this.#waiting.delete(look);
    });
  }

  #satisfies(report: Reached): boolean {
    const wanted = this.#heldPassages.get(report.point);
    return wanted === undefined || (report.isHeld && report.passage === wanted);
  }
}
