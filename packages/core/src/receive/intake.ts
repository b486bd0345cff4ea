import type { Positioned } from '../driver/message.ts';
import type { Start } from '../driver/place.ts';
import type { Lane, LaneOwner, Receiver } from '../driver/receiver.ts';
import type { Book } from '../settle/book.ts';
import { PositionBook, type TransactionTerms } from '../settle/position-book.ts';
import { ReceiptBook } from '../settle/receipt-book.ts';
import { Credit } from './credit.ts';
import { LaneIntake } from './lane-intake.ts';
import type { Loan } from './loan.ts';
import type { IntakeSetup } from './terms.ts';

const commitMs = 50;

/** The life of one receiver: an intake per lane it grants, one book for all of them. */
export class Intake implements LaneOwner {
  readonly receiver: Receiver;
  readonly #setup: IntakeSetup;
  readonly #book: Book;
  readonly #lanes = new Map<Lane, LaneIntake>();
  readonly #credit: Credit;
  readonly #waiting = new Set<LaneIntake>();
  #finish!: (failed: { readonly cause: unknown } | undefined) => void;
  readonly #finished: Promise<{ readonly cause: unknown } | undefined>;
  #drained: Promise<void> | undefined;
  #ended = false;
  #worked = false;

  constructor(receiver: Receiver, setup: IntakeSetup) {
    this.receiver = receiver;
    this.#setup = setup;
    const { maxInFlight, concurrency, clock, window, channel, exactlyOnce } = setup.terms;
    this.#credit = new Credit(maxInFlight, concurrency);
    this.#book =
      receiver.style === 'position'
        ? new PositionBook(receiver, clock, {
            window,
            commitMs,
            keep: setup.keep,
            transactions: exactlyOnce ? this.#transactions : undefined,
          })
        : new ReceiptBook(receiver, clock, {
            maxBatch: channel.limits.maxBatch,
            maxInFlight,
            open: () => this.#loans(),
          });
    this.#finished = new Promise((resolve) => (this.#finish = resolve));
  }

  get inFlight(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.inFlight, 0);
  }
  *#loans(): Iterable<Loan> {
    for (const lane of this.#lanes.values()) yield* lane.loans;
  }
  get pulled(): boolean {
    return this.#worked || [...this.#lanes.values()].some((lane) => lane.pulled);
  }

  /** Takes lanes until drained (resolves) or until the receiver ends by itself (rejects with its cause). */
  async run(): Promise<void> {
    void this.receiver.closed.then((cause) => {
      this.end();
      this.#finish({ cause });
    });
    this.receiver.start(this);
    const failed = await this.#finished;
    if (failed) throw failed.cause;
  }

  readonly #transactions: TransactionTerms = {
    held: (error) => {
      const { name: source, observer } = this.#setup.terms;
      observer.emit('held', { source, id: undefined, target: source, error });
    },
    broken: (cause) => {
      this.end();
      this.#finish({ cause });
    },
  };

  granted(lanes: readonly Lane[]): void {
    if (this.#drained || this.#ended) return;
    for (const lane of lanes) {
      const intake = new LaneIntake(lane, this.#setup, this.#book, this.#credit, this.#waiting);
      this.#lanes.set(lane, intake);
      this.#credit.lanes = this.#lanes.size;
      if (this.#book instanceof PositionBook && !this.#setup.terms.atMostOnce)
        this.#book.watch(lane as Lane<Positioned>, () => intake.wake());
      void intake.run().catch((cause: unknown) => this.#finish({ cause }));
    }
  }

  async revoking(lanes: readonly Lane[], withinMs: number): Promise<void> {
    await this.#settled(
      lanes.flatMap((lane) => this.#lanes.get(lane) ?? []),
      withinMs,
    );
  }

  ended(lanes: readonly Lane[]): void {
    for (const lane of lanes) {
      const intake = this.#lanes.get(lane);
      this.#worked ||= intake?.pulled ?? false;
      this.#lanes.delete(lane);
      intake?.end();
    }
    this.#credit.lanes = this.#lanes.size;
    for (const left of this.#lanes.values()) left.wake();
  }

  /** Moves every lane it holds; lanes that `to` does not name stay where they are. */
  async seek(to: Start | { readonly after: Readonly<Record<string, string>> }): Promise<void> {
    const moves = [...this.#lanes.values()].flatMap((lane) => {
      if (typeof to !== 'object' || !('after' in to)) return lane.seek(to);
      const after = to.after[lane.lane.id];
      return after === undefined ? [] : lane.seek({ after });
    });
    await Promise.all(moves);
  }

  /** Stops all lanes, waits for handlers and their outcomes at most `drainMs`; then the rest is lost. */
  drain(drainMs: number): Promise<void> {
    this.#drained ??= this.#settled([...this.#lanes.values()], drainMs).then(() => {
      this.end();
      this.#finish(undefined);
    });
    return this.#drained;
  }

  /** Everything still open is lost; nothing more goes to the receiver. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#book.lose();
    for (const lane of this.#lanes.values()) lane.end();
  }

  async #settled(lanes: readonly LaneIntake[], withinMs: number): Promise<void> {
    let late!: () => void;
    const tooLate = new Promise<void>((resolve) => (late = resolve));
    const timer = this.#setup.terms.clock.after(withinMs, () => late());
    const inTime = Promise.all(lanes.map((lane) => lane.drain())).then(() => this.#book.flushed());
    await Promise.race([inTime, tooLate]);
    timer.cancel();
  }
}
