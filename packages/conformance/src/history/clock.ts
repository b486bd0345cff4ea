import type { ChildProcess } from 'node:child_process';
import { performance } from 'node:perf_hooks';

/** How one process's clock maps to the parent's: `parent = own + offsetMs`, give or take `uncertaintyMs`. */
export interface ClockOffset {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
}

export const PARENT_CLOCK: ClockOffset = { offsetMs: 0, uncertaintyMs: 0 };

/** Milliseconds since this process started; never goes back. */
export function monotonicNow(): number {
  return performance.now();
}

/**
 * Asks the parent for its time, `rounds` times, and keeps the answer that came back fastest: the parent read its
 * clock somewhere between question and answer, so half the round trip is the uncertainty.
 */
export async function alignClock(ask: () => Promise<number>, rounds = 5, now = monotonicNow): Promise<ClockOffset> {
  let best: ClockOffset | undefined;
  for (let round = 0; round < rounds; round += 1) {
    const offset = await measure(ask, now);
    if (best === undefined || offset.uncertaintyMs < best.uncertaintyMs) best = offset;
  }
  if (best === undefined) throw new RangeError(`alignClock needs at least one round, got ${rounds}`);
  return best;
}

async function measure(ask: () => Promise<number>, now: () => number): Promise<ClockOffset> {
  const asked = now();
  const parent = await ask();
  const answered = now();
  return { offsetMs: parent - (asked + answered) / 2, uncertaintyMs: (answered - asked) / 2 };
}

const QUESTION = 'waybill.clock?';
interface Answer {
  readonly waybillClock: number;
}

/** In the parent: answers a forked child's questions about the time until the child is gone. */
export function answerClock(child: ChildProcess, now = monotonicNow): void {
  child.on('message', (message) => {
    if (message === QUESTION && child.connected) child.send({ waybillClock: now() } satisfies Answer);
  });
}

/** In a forked child whose parent called `answerClock`: the offset for its `openHistory`. */
export function alignWithParent(rounds = 5): Promise<ClockOffset> {
  return alignClock(askParent, rounds);
}

function askParent(): Promise<number> {
  return new Promise((resolve, reject) => {
    if (process.send === undefined) {
      reject(new Error('alignWithParent: this process has no parent to ask; start it with child_process.fork'));
      return;
    }
    const listen = (message: unknown): void => {
      if (!isAnswer(message)) return;
      process.off('message', listen);
      process.off('disconnect', gone);
      resolve(message.waybillClock);
    };
    const gone = (): void => reject(new Error('alignWithParent: the parent closed the channel before it answered'));
    process.on('message', listen);
    process.once('disconnect', gone);
    process.send(QUESTION);
  });
}

function isAnswer(message: unknown): message is Answer {
  return (
    typeof message === 'object' &&
    message !== null &&
    'waybillClock' in message &&
    typeof message.waybillClock === 'number'
  );
}
