import { realClock, type Timer } from '@waybill/core/driver';
import { isPassing, KafkaError } from '../errors.ts';

const pauseMs = 50;
const longestMs = 10_000;

export const pause = (ms: number = pauseMs): Promise<void> =>
  new Promise((resolve) => void realClock.after(ms, resolve));

/** Pauses that can be cut short. After the end there are none. */
export class Nap {
  #wake: (() => void) | undefined;
  #isOver = false;

  take(ms: number): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = realClock.after(ms, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
  wake(): void {
    this.#wake?.();
  }
  end(): void {
    this.#isOver = true;
    this.wake();
  }
}

/** Until the first of them, and no longer than this. */
export async function atMost(ms: number, ...work: readonly Promise<unknown>[]): Promise<void> {
  let timer: Timer | undefined;
  const patience = new Promise<void>((resolve) => (timer = realClock.after(ms, resolve)));
  await Promise.race([...work, patience]).finally(() => timer?.cancel());
}

/**
 * A broker that says that it cannot answer yet (a coordinator that loads, a leader that is being chosen) is asked again,
 * as Kafka expects. Only for questions, and only for answers: a connection that broke is not made whole here.
 */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (const until = Date.now() + longestMs; ; await pause()) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof KafkaError) || !isPassing(error) || Date.now() > until) throw error;
    }
  }
}

const shortestMs = 2;
const longestPauseMs = 200;

/** The same until it works or `isOver`: for requests that may be made more than once. */
export async function repeatedly<T>(isOver: (error: unknown) => boolean, work: () => Promise<T>): Promise<T> {
  for (let waitMs = shortestMs; ; waitMs = Math.min(waitMs * 2, longestPauseMs)) {
    try {
      return await work();
    } catch (error) {
      if (isOver(error)) throw error;
    }
    await pause(waitMs);
  }
}
