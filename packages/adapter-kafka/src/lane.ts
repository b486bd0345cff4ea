import type { Lane, Positioned, Start } from '@waybill/core/driver';
import { KafkaMessage } from './records.ts';
import type { FetchedRecord } from './wire.ts';

/** What a lane needs of its receiver. */
export interface LaneKeeper {
  /** There is room for another fetch. */
  want(): void;
  failure(): { readonly error: unknown } | undefined;
  /** At most once: the broker must know the position before anybody has the message. */
  forget?(lane: PartitionLane, through: string): Promise<void>;
  place(lane: PartitionLane, to: Start | { readonly after: string }): Promise<bigint>;
}

/**
 * One grant of one partition, with what was fetched and not pulled yet: one fetch that is handed out, and, once half of it
 * is gone, the next one. A lane that nobody takes from holds one fetch and asks for no more.
 */
export class PartitionLane implements Lane<Positioned> {
  readonly id: string;
  readonly partition: number;
  /** The offset to fetch next. */
  next: bigint;
  /** Which fill of its receiver was its last. */
  filledAt = 0;
  readonly #keeper: LaneKeeper;
  #records: readonly FetchedRecord[] = [];
  #head = 0;
  #ahead: readonly FetchedRecord[] = [];
  #waitsUntilEmpty = false;
  #isEnded = false;
  #wake: (() => void) | undefined;
  #heard: AbortSignal | undefined;

  constructor(keeper: LaneKeeper, id: string, partition: number, next: bigint) {
    this.#keeper = keeper;
    this.id = id;
    this.partition = partition;
    this.next = next;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }
  get isEmpty(): boolean {
    return this.#records.length === 0;
  }
  /** There is room for another fetch. */
  get isHungry(): boolean {
    if (this.#isEnded || this.#ahead.length > 0) return false;
    return this.isEmpty || (2 * this.#head >= this.#records.length && !this.#waitsUntilEmpty);
  }

  async pull(limit: number, signal: AbortSignal): Promise<readonly Positioned[]> {
    if (this.isEmpty && !this.#isEnded && !signal.aborted) await this.#arrival(signal);
    const failure = this.#keeper.failure();
    if (failure !== undefined) throw failure.error;
    if (this.isEmpty) return [];
    const records = this.#taken(limit);
    const last = records.at(-1);
    if (last !== undefined) await this.#keeper.forget?.(this, String(last.offset));
    return records.map((record) => new KafkaMessage(record));
  }

  async seek(to: Start | { readonly after: string }): Promise<void> {
    this.#empty();
    this.next = await this.#keeper.place(this, to);
    this.#empty();
    this.#keeper.want();
  }

  fill(records: readonly FetchedRecord[]): void {
    if (this.isEmpty) this.#records = records;
    else this.#ahead = records;
    this.#wake?.();
  }
  /** What comes next cannot be had: what is here is handed out first. */
  waitUntilEmpty(): void {
    this.#waitsUntilEmpty = true;
  }
  end(): void {
    this.#isEnded = true;
    this.#empty();
    this.#wake?.();
  }

  #taken(limit: number): readonly FetchedRecord[] {
    const wasHungry = this.isHungry;
    const records = this.#records.slice(this.#head, this.#head + limit);
    this.#head += records.length;
    if (this.#head >= this.#records.length) this.#turn(this.#ahead);
    if (!wasHungry && this.isHungry) this.#keeper.want();
    return records;
  }
  #turn(records: readonly FetchedRecord[]): void {
    this.#records = records;
    this.#head = 0;
    this.#ahead = [];
    this.#waitsUntilEmpty = false;
  }
  #empty(): void {
    this.#turn([]);
  }

  #arrival(signal: AbortSignal): Promise<void> {
    this.#listen(signal);
    const arrived = new Promise<void>((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
    this.#keeper.want();
    return arrived;
  }
  /** A consumer pulls with one signal for long, so it is listened to once. */
  #listen(signal: AbortSignal): void {
    if (this.#heard === signal) return;
    this.#heard = signal;
    signal.addEventListener('abort', () => this.#heard === signal && this.#wake?.(), { once: true });
  }
}
