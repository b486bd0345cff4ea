import { type Lane, type Unsettled, WaybillError } from '@waybill/core/driver';
import { KafkaError } from '../errors.ts';
import { ShareMessage, type ShareReceipt } from './message.ts';
import { lost, say, type Saying } from './saying.ts';
import type { AcquiredRecord, ShareSession } from './wire.ts';

/** What a lane needs of its receiver. */
export interface LaneKeeper {
  readonly leaseMs: number;
  /** Told before they are handed out, so that nobody has them twice. */
  readonly isForgetful: boolean;
  failure(): { readonly error: unknown } | undefined;
  /** Replaces what Kafka would drop soon; resolves with what is to be handed out. */
  spare(lane: ShareLane, receipts: readonly ShareReceipt[]): Promise<readonly ShareReceipt[]>;
  worked(): void;
  troubled(lane: ShareLane, error: unknown): void;
}

/**
 * How long the broker may keep a fetch open. What is settled waits for it, and so does a goodbye: what a fetch brings to a
 * session that has gone is locked for nobody. So it is short while something is open, and grows while nothing is.
 */
const shortestWaitMs = 20;
const longestWaitMs = 500;

/** One session with one broker, for the partitions that it leads. It ends with the session, and with it all it holds. */
export class ShareLane implements Lane<ShareMessage> {
  readonly id: string;
  readonly #keeper: LaneKeeper;
  readonly #session: ShareSession;
  readonly #held = new Set<ShareReceipt>();
  #partitions: readonly number[] = [];
  /** Acquired, and nobody was there any more to take it. */
  #ready: ShareReceipt[] = [];
  #isFetching = false;
  #waitMs = shortestWaitMs;
  #isEnded = false;
  #wake: (() => void) | undefined;
  #heard: AbortSignal | undefined;

  constructor(keeper: LaneKeeper, id: string, session: ShareSession) {
    this.#keeper = keeper;
    this.id = id;
    this.#session = session;
    void session.closed.then((cause) => {
      if (!this.#isEnded) keeper.troubled(this, cause ?? new WaybillError('unavailable', 'Kafka hung up'));
    });
  }

  assign(partitions: readonly number[]): void {
    this.#partitions = partitions;
    this.#wake?.();
  }

  async pull(limit: number, signal: AbortSignal): Promise<readonly ShareMessage[]> {
    for (;;) {
      const failure = this.#keeper.failure();
      if (failure !== undefined) throw failure.error;
      if (this.#isEnded) return [];
      const receipts = await this.#stillOurs(this.#ready.splice(0, limit));
      if (receipts.length > 0) return receipts.map((receipt) => new ShareMessage(receipt));
      if (signal.aborted) return [];
      this.#fetch(limit);
      await this.#arrival(signal);
    }
  }

  /** Resolves with what did not take effect. What is held no longer is not said. */
  async say(sayings: readonly Saying[]): Promise<readonly Unsettled[]> {
    const now = performance.now();
    const isHeld = ({ receipt }: Saying): boolean => !this.#isEnded && receipt.lockedUntil > now;
    const [held, late] = [sayings.filter(isHeld), sayings.filter((one) => !isHeld(one))];
    const over = (error: unknown): void => this.#keeper.troubled(this, error);
    const refused = held.length > 0 ? await say(this.#session, held, this.#keeper.leaseMs, over) : [];
    const unsettled = [...late.map(lost), ...refused];
    const outcomes = new Map(unsettled.map(({ index, outcome }) => [index, outcome]));
    for (const { index, receipt, what } of sayings) {
      const outcome = outcomes.get(index) ?? (what === 'renew' ? 'held' : 'done');
      if (outcome === 'lost' || outcome === 'done') this.#held.delete(receipt);
    }
    return unsettled;
  }

  /** Those whose lock was made to begin anew. */
  renew(receipts: readonly ShareReceipt[]): Promise<readonly ShareReceipt[]> {
    return this.#sayOfAll('renew', receipts);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }
  end(): void {
    this.#isEnded = true;
    this.#held.clear();
    this.#ready = [];
    this.#wake?.();
  }
  /** What is held goes back. */
  close(): Promise<void> {
    this.end();
    return this.#session.close();
  }
  abandon(): void {
    this.end();
    this.#session.abandon();
  }

  /** What waited here was locked meanwhile. */
  async #stillOurs(receipts: readonly ShareReceipt[]): Promise<readonly ShareReceipt[]> {
    const aging = performance.now() + (this.#keeper.leaseMs * 5) / 6;
    if (this.#keeper.isForgetful || receipts.every(({ lockedUntil }) => lockedUntil > aging)) return receipts;
    return this.renew(receipts);
  }

  #fetch(limit: number): void {
    if (this.#isFetching || this.#partitions.length === 0) return;
    this.#isFetching = true;
    void this.#acquire(limit)
      .catch((error: unknown) => this.#keeper.troubled(this, error))
      .finally(() => {
        this.#isFetching = false;
        this.#wake?.();
      });
  }

  async #acquire(limit: number): Promise<void> {
    const waitMs = (): number => this.#nextWaitMs();
    const { records, gaps, errorCode } = await this.#session.fetch(this.#partitions, limit, waitMs);
    // The goodbye gives them back.
    if (this.#isEnded) return;
    const lockedUntil = performance.now() + this.#keeper.leaseMs;
    const receipts = records.map((one: AcquiredRecord): ShareReceipt => ({ ...one, lane: this, lockedUntil }));
    for (const receipt of receipts) this.#held.add(receipt);
    if (gaps.length > 0) await this.#session.acknowledge(gaps);
    const spared = receipts.length > 0 ? await this.#keeper.spare(this, receipts) : [];
    const ours = this.#keeper.isForgetful ? await this.#sayOfAll('accept', spared) : spared;
    if (!this.#isEnded) this.#ready.push(...ours);
    if (errorCode !== 0) throw new KafkaError(errorCode, `a fetch of ${this.id}`);
    this.#keeper.worked();
  }

  #nextWaitMs(): number {
    return (this.#waitMs = this.#hasOpen() ? shortestWaitMs : Math.min(2 * this.#waitMs, longestWaitMs));
  }
  /** What nobody settled before its lock ended is not ours any more. */
  #hasOpen(): boolean {
    const now = performance.now();
    for (const receipt of this.#held) if (receipt.lockedUntil <= now) this.#held.delete(receipt);
    return this.#held.size > 0;
  }

  /** Resolves with those of which it took effect. */
  async #sayOfAll(what: Saying['what'], receipts: readonly ShareReceipt[]): Promise<readonly ShareReceipt[]> {
    const unsettled = await this.say(receipts.map((receipt, index) => ({ index, receipt, what })));
    const failed = new Set(unsettled.map(({ index }) => index));
    return receipts.filter((_, index) => !failed.has(index));
  }

  #arrival(signal: AbortSignal): Promise<void> {
    if (this.#heard !== signal) {
      this.#heard = signal;
      signal.addEventListener('abort', () => this.#heard === signal && this.#wake?.(), { once: true });
    }
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
