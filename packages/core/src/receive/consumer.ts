import { sleep } from '../clock.ts';
import type { Link } from '../driver/link.ts';
import type { Source, Start } from '../driver/place.ts';
import type { Receiver } from '../driver/receiver.ts';
import type { Fate } from '../emulate/fate.ts';
import { isRetryable, WaybillError } from '../error/error.ts';
import { backoffMs } from '../link/backoff.ts';
import type { LinkKeeper } from '../link/link-keeper.ts';
import { Intake } from './intake.ts';
import type { Loan } from './loan.ts';
import { Scheduler } from './scheduler.ts';
import type { ConsumerTerms, IntakeSetup } from './terms.ts';

/** What a consumer does with its deliveries, and whom it tells that it will never receive again. */
export interface ConsumerWork extends Pick<IntakeSetup, 'fate' | 'work'> {
  readonly onClosed: (consumer: SteadyConsumer) => void;
}

/** One subscription for as long as the user wants it: an intake per receiver, a new receiver whenever one ends. */
export class SteadyConsumer implements AsyncDisposable {
  readonly #keeper: LinkKeeper;
  readonly #terms: ConsumerTerms;
  readonly #fate: Fate;
  readonly #work: IntakeSetup['work'];
  readonly #onClosed: (consumer: SteadyConsumer) => void;
  readonly #stop = new AbortController();
  readonly #intakes = new Set<Intake>();
  readonly #scheduler: Scheduler<Loan>;
  /** Stream reads without a group: where each lane is finished, while this consumer lives. */
  readonly positions: Record<string, string> = {};
  readonly #since: number;
  readonly #loop: Promise<void>;
  #closed: Promise<void> | undefined;
  #live: Intake | undefined;
  /** Resolves when the first receiver is open; rejects when it never can be, and the consumer is closed then. */
  readonly ready: Promise<void>;
  #opened!: () => void;
  #hopeless!: (error: unknown) => void;
  #everOpened = false;
  /** Resolves when it will never receive again. */
  readonly ended: Promise<void>;
  #end!: () => void;

  constructor(keeper: LinkKeeper, terms: ConsumerTerms, work: ConsumerWork) {
    this.#keeper = keeper;
    this.#terms = terms;
    this.#fate = work.fate;
    this.#work = work.work;
    this.#onClosed = work.onClosed;
    this.#since = terms.clock.now();
    this.#scheduler = new Scheduler(terms.concurrency, terms.keyOf, (loan) => loan.start());
    this.ready = new Promise((resolve, reject) => {
      this.#opened = resolve;
      this.#hopeless = reject;
    });
    this.ready.catch(() => {});
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#loop = this.#run();
  }

  get state(): 'live' | 'waiting' | 'paused' | 'closed' {
    if (this.#stop.signal.aborted) return 'closed';
    if (this.#scheduler.paused) return 'paused';
    return this.#live ? 'live' : 'waiting';
  }
  /** Aborts when it stops receiving. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }
  get inFlight(): number {
    return [...this.#intakes].reduce((sum, intake) => sum + intake.inFlight, 0);
  }
  pause(): Promise<void> {
    return this.#scheduler.pause();
  }
  resume(): void {
    this.#scheduler.resume();
  }
  async seek(to: Start | { readonly after: Readonly<Record<string, string>> }): Promise<void> {
    if (this.#stop.signal.aborted) throw new WaybillError('closed', `${this.#terms.name}: the consumer is closed`);
    if (!this.#live)
      throw new WaybillError(
        'unavailable',
        `${this.#terms.name}: the consumer has no connection now, so it cannot seek; try again when it is live`,
      );
    await this.#live.seek(to);
  }

  /** Idempotent. A paused consumer gives back what it holds. */
  close(): Promise<void> {
    this.#closed ??= this.#shut();
    return this.#closed;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #shut(): Promise<void> {
    this.#stop.abort();
    const retired = Promise.all([...this.#intakes].map((intake) => this.#retire(intake)));
    this.#scheduler.resume();
    await retired;
    await this.#loop;
    this.#hopeless(new WaybillError('closed', `${this.#terms.name}: the consumer was closed before it was ready`));
    this.#say('closed');
    this.#onClosed(this);
    this.#end();
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted;) {
      try {
        await this.#serve(await this.#keeper.live(this.#stop.signal), () => (failures = 0));
      } catch (cause) {
        this.#live = undefined;
        if (this.#stop.signal.aborted) return;
        if (this.#keeper.state === 'closed' || this.#isHopeless(cause)) return this.#giveUp(cause);
        this.#say('waiting', cause);
        await sleep(this.#terms.clock, backoffMs(failures++), this.#stop.signal);
      }
    }
  }

  /** What never worked and never will is the caller's to know. Once it has worked, it is tried for ever, visibly. */
  #isHopeless(cause: unknown): boolean {
    return !this.#everOpened && !isRetryable(this.#terms.codeOf(cause));
  }
  #giveUp(cause: unknown): void {
    this.#stop.abort();
    this.#say('closed', cause);
    this.#end();
    this.#hopeless(
      WaybillError.is(cause)
        ? cause
        : new WaybillError(this.#terms.codeOf(cause), `${this.#terms.name}: cannot be consumed: ${String(cause)}`, {
            cause,
          }),
    );
  }

  async #serve(link: Link, worked: () => void): Promise<void> {
    const { maxInFlight, leaseMs, atMostOnce } = this.#terms;
    const delivery = atMostOnce ? 'at-most-once' : 'at-least-once';
    const receiver = await link.receive(this.#from(), { signal: this.#stop.signal, delivery, maxInFlight, leaseMs });
    await this.#checkTransacts(receiver);
    const keep = (lane: string, through: string): void => void (this.positions[lane] = through);
    const intake = new Intake(receiver, {
      terms: this.#terms,
      fate: this.#fate,
      work: this.#work,
      scheduler: this.#scheduler,
      keep,
    });
    this.#intakes.add(intake);
    try {
      if (this.#stop.signal.aborted) void intake.drain(0);
      else this.#begin(intake);
      await intake.run();
      await this.#retire(intake);
    } catch (cause) {
      if (intake.pulled) worked();
      void this.#retire(intake);
      throw cause;
    }
  }
  async #checkTransacts(receiver: Receiver): Promise<void> {
    const { exactlyOnce, name } = this.#terms;
    if (!exactlyOnce || (receiver.style === 'position' && receiver.transact !== undefined)) return;
    // What a receiver says on its way out does not hide why it has to go.
    await receiver.close().catch(() => {});
    throw new WaybillError(
      'unsupported',
      `${name}: nobody keeps its position, so nothing can be stored together with it; give the subscription a name`,
    );
  }
  #begin(intake: Intake): void {
    this.#live = intake;
    this.#everOpened = true;
    this.#say('live');
    this.#opened();
  }

  /** A stream read without a group goes on where this consumer was, not where it once began. */
  #from(): Source {
    const { source } = this.#terms;
    if (source.kind !== 'stream' || source.group !== undefined || Object.keys(this.positions).length === 0)
      return source;
    const { from } = source;
    const after =
      typeof from === 'object' && 'after' in from ? { ...from.after, ...this.positions } : { ...this.positions };
    const otherwise =
      typeof from === 'object' && 'after' in from
        ? from.otherwise
        : from === 'latest'
          ? { timestamp: this.#since }
          : from;
    return { ...source, from: { after, otherwise } };
  }

  /** A receiver whose pull failed may still settle what it handed out, where the broker allows it. */
  async #retire(intake: Intake): Promise<void> {
    await intake.drain(this.#terms.drainMs);
    // What a receiver says on its way out changes nothing: its deliveries are settled or lost by now.
    await intake.receiver.close().catch(() => {});
    this.#intakes.delete(intake);
  }

  #say(state: 'live' | 'waiting' | 'closed', cause?: unknown): void {
    this.#terms.observer.emit('consumer', { source: this.#terms.name, state, ...(cause !== undefined && { cause }) });
  }
}
