import { type Clock, sleep, type Timer } from '../clock.ts';
import type { Positioned } from '../driver/message.ts';
import type { Addressed, Lane, PositionReceiver, Transacted, Unsettled, Watermark } from '../driver/receiver.ts';
import type { Settled } from '../receive/delivery.ts';
import type { Loan, Outcome } from '../receive/loan.ts';
import type { Book } from './book.ts';
import { Watermarks } from './watermarks.ts';

const commitAgainMs = 100;

interface Track {
  readonly lane: Lane<Positioned>;
  readonly marks: Watermarks;
  /** How many of the delivered ones are covered by a commit. */
  committed: number;
  wake: (() => void) | undefined;
}
export interface PositionTerms {
  /** Most messages delivered beyond the last commit, per lane: what a crash may repeat. */
  readonly window: number;
  readonly commitMs: number;
  /** Without a group nobody keeps the position but this consumer, while it lives. */
  readonly keep: (lane: string, through: string) => void;
  /** Exactly once: positions are committed together with what the prefix sends. */
  readonly transactions: TransactionTerms | undefined;
}
export interface TransactionTerms {
  /** Nothing of it happened; it is tried again. */
  readonly held: (error: unknown) => void;
  /** Nobody knows what holds: another receiver begins at the position that does. */
  readonly broken: (error: unknown) => void;
}

/** Position style: done is marked, and the end of each finished prefix is committed now and then. */
export class PositionBook implements Book {
  readonly isPositional = true;
  readonly #receiver: PositionReceiver;
  readonly #clock: Clock;
  readonly #terms: PositionTerms;
  readonly #tracks = new Map<Lane, Track>();
  #timer: Timer | undefined;
  #committing: Promise<void> | undefined;
  #lost = false;
  /** Writes that failed since the last one that did not. */
  #failures = 0;

  constructor(receiver: PositionReceiver, clock: Clock, terms: PositionTerms) {
    this.#receiver = receiver;
    this.#clock = clock;
    this.#terms = terms;
  }

  /** Called by a lane's intake: it is woken when a commit makes room. */
  watch(lane: Lane<Positioned>, wake: (() => void) | undefined): void {
    this.#tracks.set(lane, { lane, marks: new Watermarks(), committed: 0, wake });
  }
  room(lane: Lane): number {
    const track = this.#tracks.get(lane);
    return track ? this.#terms.window - (track.marks.delivered - track.committed) : Infinity;
  }
  opened(lane: Lane, loan: Loan): void {
    loan.mark = this.#tracks.get(lane)?.marks.add((loan.incoming as Positioned).position);
  }
  started(lane: Lane, loan: Loan): void {
    const marks = this.#tracks.get(lane)?.marks;
    if (marks && loan.mark) marks.started = Math.max(marks.started, loan.mark.number);
  }
  /** What came before a started one is run as well: left out, it would make the next owner repeat what came after it. */
  givesBack(lane: Lane, loan: Loan): boolean {
    return (loan.mark?.number ?? Infinity) > (this.#tracks.get(lane)?.marks.started ?? 0);
  }
  /** A release leaves the mark open: the lane is leaving, and the message will come again wherever it goes. */
  settle(lane: Lane, loan: Loan, outcome: Outcome): void {
    const track = this.#tracks.get(lane);
    if (outcome.outcome !== 'release' && track) {
      if (outcome.outcome === 'accept') loan.mark!.outputs = loan.outputs;
      track.marks.finish(loan.mark!);
      if (!this.#receiver.commit) this.#keepHere(track);
      else if (this.#isUrgent(track)) void this.#commit();
      else this.#schedule();
    }
    loan.done();
  }
  async extend(): Promise<Settled> {
    return 'settled';
  }
  leaseEndsAt(): number {
    return Infinity;
  }
  forget(lane: Lane): void {
    this.#tracks.delete(lane);
  }
  /** The lane begins anew at another position: what was delivered before no longer counts. */
  restart(lane: Lane): void {
    const track = this.#tracks.get(lane);
    if (track) this.watch(track.lane, track.wake);
  }

  /** Writes until everything finished so far is written; what fails is tried again, a little later. */
  async flushed(): Promise<void> {
    await this.#committing;
    for (let before = Infinity; this.#dirty().length > 0 && !this.#lost;) {
      if (this.#dirty().length >= before) await sleep(this.#clock, commitAgainMs);
      before = this.#dirty().length;
      await this.#commit();
    }
  }
  lose(): void {
    this.#lost = true;
    this.#timer?.cancel();
    this.#tracks.clear();
  }

  #dirty(): Track[] {
    return this.#receiver.commit ? [...this.#tracks.values()].filter((track) => track.marks.dirty !== undefined) : [];
  }
  /** Half of what may be delivered beyond the commit is done: waiting on would only hold up what comes. */
  #isUrgent({ marks, committed }: Track): boolean {
    return marks.finished - committed > this.#terms.window >> 1;
  }
  #schedule(): void {
    const ms = this.#failures > 0 ? commitAgainMs : this.#terms.commitMs;
    this.#timer ??= this.#clock.after(ms, () => {
      this.#timer = undefined;
      void this.#commit();
    });
  }
  #commit(): Promise<void> {
    this.#committing ??= this.#write().finally(() => {
      this.#committing = undefined;
      const dirty = this.#lost ? [] : this.#dirty();
      if (this.#failures === 0 && dirty.some((track) => this.#isUrgent(track))) void this.#commit();
      else if (dirty.length > 0) this.#schedule();
    });
    return this.#committing;
  }

  /** One call for all lanes that moved. What failed stays dirty; what is lost is not ours to write. */
  async #write(): Promise<void> {
    const tracks = this.#dirty();
    if (tracks.length === 0) return;
    const finished = tracks.map((track) => track.marks.finished);
    const marks = tracks.map((track) => ({ lane: track.lane, through: track.marks.take()! }));
    const outputs = tracks.map((track) => track.marks.takeOutputs());
    const unsettled = await this.#hand(marks, outputs.flat());
    const byIndex = new Map(unsettled.map((one) => [one.index, one.outcome]));
    this.#failures = unsettled.some(({ outcome }) => outcome === 'failed') ? this.#failures + 1 : 0;
    tracks.forEach((track, index) => {
      const outcome = byIndex.get(index);
      if (outcome === 'failed') track.marks.putBack(marks[index]!.through, outputs[index]!);
      if (outcome !== undefined) return;
      track.committed = finished[index]!;
      track.wake?.();
    });
  }
  /** What did not take effect. A call that rejects says so of all. */
  #hand(marks: readonly Watermark[], outputs: readonly Addressed[]): Promise<readonly Unsettled[]> {
    if (outputs.length > 0) return this.#transact(marks, outputs);
    return this.#receiver.commit!(marks).catch((error: unknown) => allOf(marks, 'failed', error));
  }
  async #transact(marks: readonly Watermark[], outputs: readonly Addressed[]): Promise<readonly Unsettled[]> {
    const { held, broken } = this.#terms.transactions!;
    const done = await this.#receiver.transact!(outputs, marks).catch(nobodyKnows);
    if (done.outcome === 'aborted') {
      // Told at the 1st, 2nd, 4th, 8th …: a cause that lasts is seen, and does not drown the rest.
      if (((this.#failures + 1) & this.#failures) === 0) held(done.error);
      return allOf(marks, 'failed', done.error);
    }
    if (done.outcome === 'committed') return [];
    if (!this.#lost) broken(done.error);
    return allOf(marks, 'lost', done.error);
  }
  #keepHere(track: Track): void {
    const through = track.marks.take();
    if (through === undefined) return;
    this.#terms.keep(track.lane.id, through);
    track.committed = track.marks.finished;
  }
}

const nobodyKnows = (error: unknown): Transacted => ({ outcome: 'unknown', error });
const allOf = (marks: readonly Watermark[], outcome: Unsettled['outcome'], error: unknown): readonly Unsettled[] =>
  marks.map((_, index) => ({ index, outcome, error }));
