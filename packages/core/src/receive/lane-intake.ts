import type { Incoming } from '../driver/message.ts';
import type { Start } from '../driver/place.ts';
import type { Lane } from '../driver/receiver.ts';
import { WaybillError } from '../error/error.ts';
import type { Book } from '../settle/book.ts';
import { type Credit, LaneCredit } from './credit.ts';
import type { Settled } from './delivery.ts';
import { LoanList } from './loan-list.ts';
import { Loan, type LoanKeeper, type Outcome, returned, returnedAfterFailure } from './loan.ts';
import { isPromise } from './runner.ts';
import type { IntakeSetup } from './terms.ts';

/** One grant of a lane: pull within its share of the credit, run, settle, until it is drained or ends. */
export class LaneIntake<M extends Incoming = Incoming> implements LoanKeeper {
  readonly lane: Lane<M>;
  readonly source: string;
  /** A pull worked: only then was the receiver worth its opening. */
  pulled = false;
  readonly setup: IntakeSetup;
  readonly #book: Book;
  readonly #credit: LaneCredit;
  /** The lanes of this receiver that wait for credit. */
  readonly #waiting: Set<LaneIntake>;
  readonly #open = new LoanList();
  /** Positions: pulled, but not ours to run while other lanes hold the credit that was free when they were asked for. */
  #surplus: readonly M[] = [];
  #pulling = new AbortController();
  #gate: (() => void) | undefined;
  /** Handlers that run, whether or not their delivery is settled already. */
  #running = 0;
  readonly #idle: (() => void)[] = [];
  #draining: Promise<void> | undefined;
  /** What a drain leaves for the receiver to give back. */
  #left: ReadonlySet<Loan> = new Set();
  /** While a seek waits for its turn: pulling resumes when it resolves. */
  #seeking: Promise<void> | undefined;
  #stopped = false;
  #ended = false;

  constructor(lane: Lane<M>, setup: IntakeSetup, book: Book, credit: Credit, waiting: Set<LaneIntake>) {
    this.lane = lane;
    this.source = setup.terms.name;
    this.setup = setup;
    this.#book = book;
    this.#credit = new LaneCredit(credit, this.#open);
    this.#waiting = waiting;
  }

  get inFlight(): number {
    return this.#open.size;
  }
  /** What is open now. */
  get loans(): readonly Loan[] {
    return this.#open.toArray();
  }

  /** Pulls until stopped (resolves) or until the receiver fails (rejects with its cause). */
  async run(): Promise<void> {
    for (let owed = false; !this.#stopped;) {
      if (this.#seeking) await this.#seeking;
      this.#take(this.#surplus);
      const free = this.#surplus.length > 0 ? 0 : this.#free();
      // After a short pull the broker may still owe us the rest; what arrives must not wait unseen.
      if (free <= 0 || (free < this.#enough && !owed)) await this.#credited();
      else owed = await this.#pull(free);
    }
  }

  async #pull(limit: number): Promise<boolean> {
    const batch = await this.lane.pull(limit, this.#pulling.signal);
    this.pulled = true;
    this.#take(batch);
    return batch.length < limit;
  }
  #take(batch: readonly M[]): void {
    if (batch.length === 0) return;
    const { terms } = this.setup;
    const isSparing = this.#book.isPositional && !terms.atMostOnce && this.#credit.lanes > 1;
    const leaseEndsAt = this.#book.leaseEndsAt();
    this.#surplus = [];
    for (let index = 0; index < batch.length; index++) {
      if (isSparing && this.#free() <= 0) return void (this.#surplus = batch.slice(index));
      this.#admit(new Loan(batch[index]!, this, leaseEndsAt));
    }
  }
  #credited(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#waiting.add(this);
    return new Promise<void>((resolve) => (this.#gate = resolve));
  }

  /** Stops pulling, gives back what has not started, waits for what has. */
  drain(): Promise<void> {
    this.#stopped = true;
    this.#draining ??= this.#quiet();
    return this.#draining;
  }

  /** Lets what has started end, gives back the rest, and goes on at another position. */
  seek(to: Start | { readonly after: string }): Promise<void> {
    const seek = this.lane.seek?.bind(this.lane);
    if (!seek)
      return Promise.reject(
        new WaybillError(
          'unsupported',
          `${this.source}: this broker cannot seek while consuming; close the consumer and open another one from there`,
        ),
      );
    const done = this.#quiet()
      .then(() => this.#book.flushed())
      .then(() => seek(to))
      .then(() => (this.#surplus = []))
      .then(() => this.#book.restart(this.lane))
      .finally(() => {
        this.#seeking = undefined;
        if (!this.#stopped) this.#pulling = new AbortController();
      });
    this.#seeking = done.catch(() => {});
    return done;
  }

  async #quiet(): Promise<void> {
    this.#pulling.abort();
    this.wake();
    if (!this.setup.terms.atMostOnce) this.#giveBack();
    if (this.#isBusy) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
  get #isBusy(): boolean {
    return this.#open.size > this.#left.size || this.#running > 0;
  }

  /**
   * What has not started, or waits to be run again. Of an ordered source nothing goes back by itself, where it would be
   * queued behind what comes after it: the receiver gives all of it back at once, in order, when it closes.
   */
  #giveBack(): void {
    const unrun = this.#open
      .toArray()
      .filter((one) => one.isFree && !one.running && this.#book.givesBack(this.lane, one));
    const leaving = new Set(unrun);
    this.setup.scheduler.withdraw((one) => leaving.has(one));
    if (this.staysInOrder) this.#left = leaving;
    else for (const loan of unrun) loan.settle(loan.heldRuns > 0 ? returnedAfterFailure : returned);
  }
  get staysInOrder(): boolean {
    return this.setup.terms.keyOf !== undefined && !this.#book.isPositional;
  }

  /** Everything still open is lost; nothing more is said about it. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopped = true;
    this.#pulling.abort();
    this.#surplus = [];
    this.#book.forget(this.lane);
    for (const loan of this.#open.toArray()) loan.lose();
    this.wake();
  }

  wakeIfFree(): void {
    if (this.#free() >= this.#enough) this.wake();
  }
  wake(): void {
    const gate = this.#gate;
    this.#gate = undefined;
    this.#waiting.delete(this);
    gate?.();
  }

  /** At most once the broker has forgotten it: there is nobody to tell. */
  settle(loan: Loan, outcome: Outcome): void {
    if (this.setup.terms.atMostOnce) this.settled(loan);
    else this.#book.settle(this.lane, loan, outcome);
  }
  settled(loan: Loan): void {
    loan.answered();
    this.#forget(loan);
  }
  extend(loan: Loan): Promise<Settled> {
    return this.#book.extend(loan);
  }
  gone(loan: Loan): void {
    if (loan.hasRun) this.setup.terms.observer.emit('delivery-lost', { source: this.source, id: loan.id });
    this.#forget(loan);
  }
  /** At once, or when the run that asked for it has ended: two runs of one delivery never overlap. */
  again(loan: Loan): void {
    if (!loan.isOpen) return;
    if (loan.running) loan.againWanted = true;
    else this.setup.scheduler.again(loan);
  }

  /** The scheduler says: now. */
  start(loan: Loan): void {
    // Of a lane that ended, and of what a drain left behind, nothing runs any more: also not what a head has just set free.
    if (!loan.isOpen || this.#ended || this.#left.has(loan)) return this.setup.scheduler.leave();
    loan.running = loan.hasRun = true;
    this.#credit.runs(loan);
    this.#running++;
    this.#book.started(this.lane, loan);
    const { work } = this.setup;
    try {
      const running = work.run(loan);
      if (isPromise(running)) {
        running.then(
          () => this.#succeeded(loan),
          (error: unknown) => this.#failed(loan, error),
        );
      } else this.#succeeded(loan);
    } catch (error) {
      this.#failed(loan, error);
    }
  }
  #succeeded(loan: Loan): void {
    const { sending } = loan;
    if (sending !== undefined) return this.#whenSent(loan, sending);
    this.setup.work.conclude(loan);
    this.#leave(loan);
  }
  /** The run goes on until what it sent is stored. */
  #whenSent(loan: Loan, sending: readonly Promise<void>[]): void {
    loan.sending = undefined;
    Promise.all(sending).then(
      () => this.#succeeded(loan),
      (error: unknown) => this.#failed(loan, error),
    );
  }
  #failed(loan: Loan, error: unknown): void {
    const settling = this.setup.work.fail(loan, error);
    if (settling)
      settling.then(
        () => this.#leave(loan),
        (cause: unknown) => this.#broken(loan, cause),
      );
    else this.#leave(loan);
  }

  /** Not the handler failed, but what settles it: the delivery goes back, and the slot is free. */
  #broken(loan: Loan, error: unknown): void {
    this.setup.terms.observer.emit('held', { source: this.source, id: loan.id, target: this.source, error });
    loan.settle(returnedAfterFailure);
    this.#leave(loan);
  }

  /** Free slots worth a pull: asking for one message at a time is slow. Where nothing runs, none will become free soon. */
  get #enough(): number {
    return this.#running === 0 ? 1 : Math.max(1, this.#credit.limit >> 2);
  }
  #free(): number {
    return Math.min(this.#credit.free, this.#book.room(this.lane));
  }

  #admit(loan: Loan): void {
    this.#open.add(loan);
    this.#credit.took();
    if (!this.setup.terms.atMostOnce) this.#book.opened(this.lane, loan);
    if (this.#ended) loan.lose();
    else if (this.#pulling.signal.aborted) this.#tooLate(loan);
    else this.setup.scheduler.push(loan);
  }
  /** Handed over while we were stopping. At most once it has been forgotten by the broker already, so it is run. */
  #tooLate(loan: Loan): void {
    if (this.setup.terms.atMostOnce) this.setup.scheduler.push(loan);
    else if (this.staysInOrder) this.#left = new Set([...this.#left, loan]);
    else loan.settle(returned);
  }

  #leave(loan: Loan): void {
    loan.running = false;
    this.#running--;
    const { scheduler, terms } = this.setup;
    if (terms.atMostOnce) this.#forget(loan);
    else if (!loan.isListed) scheduler.free(loan);
    else if (loan.isFree) this.#keep(loan);
    if (loan.againWanted) {
      loan.againWanted = false;
      if (loan.isOpen) scheduler.again(loan);
    }
    scheduler.leave();
    this.#rest();
  }

  #forget(loan: Loan): void {
    if (!this.#open.delete(loan)) return;
    this.#credit.gave(loan);
    if (!loan.running) this.setup.scheduler.free(loan);
    for (const lane of this.#waiting) lane.wakeIfFree();
    this.#rest();
  }
  #keep(loan: Loan): void {
    this.#credit.keeps(loan);
    this.wakeIfFree();
  }
  #rest(): void {
    if (this.#idle.length > 0 && !this.#isBusy) for (const told of this.#idle.splice(0)) told();
  }
}
