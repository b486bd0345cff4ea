import { sleep } from '../clock.ts';
import type { Outgoing } from '../driver/message.ts';
import type { Target } from '../driver/place.ts';
import { WaybillError } from '../error/error.ts';
import { steadyBackoffMs } from '../link/backoff.ts';
import { delayQueue, delayStep, retryStep, scheduledMs } from '../plan/steps.ts';
import { type Loan, returned } from '../receive/loan.ts';
import type { ConsumerTerms } from '../receive/terms.ts';
import { countOf } from './marks.ts';
import { deadCopy, hopCopy, retryCopy } from './copies.ts';
import { judge, type Verdict } from './retry.ts';

const deadAgainMs = 5000;

/** Carries out what a failed handler means. Decisions come from `judge` and `retryStep`; here they are done. */
export class Fate {
  readonly #terms: ConsumerTerms;
  constructor(terms: ConsumerTerms) {
    this.#terms = terms;
  }

  async failed(loan: Loan, error: unknown): Promise<void> {
    const { name: source, atMostOnce, observer, retry } = this.#terms;
    if (atMostOnce) return observer.emit('dropped', { source, id: loan.id, reason: 'failed', error });
    if (loan.isFree) await this.#apply(judge(error, loan.attempt, retry), loan, error);
  }

  /** By hand: `release({ delayMs })`. */
  async retryLater(loan: Loan, delayMs: number): Promise<void> {
    const { attempts } = this.#terms.retry;
    if (loan.attempt >= attempts) return this.bury(loan, 'exhausted', new Error('released by the handler'));
    return this.#retry(loan, delayMs, new Error('released by the handler'));
  }

  async #apply(verdict: Verdict, loan: Loan, error: unknown): Promise<void> {
    switch (verdict.action) {
      case 'bury':
        return this.bury(loan, verdict.reason, error);
      case 'retry':
        return this.#retry(loan, verdict.delayMs, error);
    }
  }

  async #retry(loan: Loan, delayMs: number, error: unknown): Promise<void> {
    const { target, name: source, observer, clock, beside, steps } = this.#terms;
    const via = retryStep(this.#retryTerms(loan), delayMs);
    observer.emit('retry', { source, id: loan.id, attempt: loan.attempt, delayMs, via, error });
    const copy = (): Outgoing => retryCopy(loan, clock.now(), target.name, clock.now() + delayMs);
    switch (via) {
      case 'release':
        return loan.settle({ outcome: 'release', delayMs, failed: true });
      case 'in-place':
        return this.#hold(loan, delayMs);
      case 'send-again':
        return void (await this.#replace(loan, target, { ...copy(), ...(delayMs > 0 && { delayMs }) }));
      case 'delay-queue':
        return void (await this.#replace(loan, sideQueue(delayQueue(beside, delayStep(steps, delayMs))), copy()));
    }
  }
  #retryTerms(loan: Loan): Parameters<typeof retryStep>[0] {
    const { target, channel, schedule } = this.#terms;
    return {
      kind: target.kind,
      channel,
      ordered: target.order !== 'none',
      brokerDelayMs: scheduledMs(schedule, loan.incoming.attempt ?? 1),
    };
  }

  /** Keeps the delivery, and with it its key, and runs it again. The lease keeper keeps it ours. */
  #hold(loan: Loan, delayMs: number): void {
    loan.heldRuns++;
    loan.onHeld?.();
    this.#wait(loan, delayMs, () => loan.again());
  }

  /** While the delivery is ours, and no longer: a timer that outlives it would keep the process. */
  #wait(loan: Loan, delayMs: number, then: () => void): void {
    const timer = this.#terms.clock.after(delayMs, then);
    void loan.outcome().then(() => timer.cancel());
  }

  /** To the dead letters, or nowhere if there are none. The original goes only when the copy is stored. */
  async bury(loan: Loan, reason: string, error: unknown): Promise<void> {
    const { deadLetter, target, name: source, observer, clock } = this.#terms;
    if (deadLetter === undefined) {
      observer.emit('dropped', { source, id: loan.id, reason, error });
      return loan.settle({ outcome: 'reject', reason });
    }
    if (deadLetter === target.name) return this.#giveBackLater(loan, error);
    const stored = await this.#replace(loan, sideQueue(deadLetter), deadCopy(loan, clock.now(), source, reason, error));
    if (stored) observer.emit('dead-letter', { source, id: loan.id, reason, error });
  }

  /** What fails in a dead-letter queue stays there: there is nowhere further, and nothing may be lost or spin. */
  #giveBackLater(loan: Loan, error: unknown): void {
    const { name: source, observer } = this.#terms;
    observer.emit('held', { source, id: loan.id, target: source, error });
    this.#wait(loan, deadAgainMs, () => loan.settle(returned));
  }

  /**
   * Send the copy, then accept the original: until the copy is stored the original stays ours. A copy that is too
   * large or has nowhere to go is tried again too: better a message held, and said so, than a message lost.
   */
  async #replace(loan: Loan, target: Target, copy: Outgoing): Promise<boolean> {
    const { sender, copyTerms, clock, name: source, observer, exactlyOnce } = this.#terms;
    if (exactlyOnce) {
      loan.outputs = [{ target, message: copy }];
      loan.settle({ outcome: 'accept' });
      return loan.outcome().then((settled) => settled === 'settled');
    }
    for (let failures = 0; loan.isOpen; failures++) {
      try {
        await sender.keeper.live(loan.signal);
        if (!loan.isOpen) return false;
        await sender.send(target, copy, copyTerms);
        loan.settle({ outcome: 'accept' });
        return true;
      } catch (error) {
        if (WaybillError.is(error, 'closed')) return false;
        observer.emit('held', { source, id: loan.id, target: target.name, error });
        await sleep(clock, steadyBackoffMs(failures), loan.signal);
      }
    }
    return false;
  }

  /**
   * A delay queue's consumer: keeps the message until it is due, or for a step, then passes it on. What waits takes no
   * slot, and is given back when the consumer closes.
   */
  forward(loan: Loan, stepMs: number): Promise<void> | void {
    const { clock } = this.#terms;
    const due = countOf(loan.incoming.headers, 'waybill-due');
    loan.notBefore ??= Math.min(due, clock.now() + stepMs);
    const waitMs = loan.notBefore - clock.now();
    if (waitMs > 0) return this.#wait(loan, waitMs, () => loan.again());
    return this.#passOn(loan, due - clock.now());
  }
  async #passOn(loan: Loan, leftMs: number): Promise<void> {
    const { clock, target, beside, steps } = this.#terms;
    const next = leftMs > 0 ? sideQueue(delayQueue(beside, delayStep(steps, leftMs))) : target;
    await this.#replace(loan, next, hopCopy(loan, clock.now()));
  }
}

/** Delay queues and dead letters: plain queues beside the destination. */
const sideQueue = (name: string): Target => ({ kind: 'queue', name, order: 'none' });
