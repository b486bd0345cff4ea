import type { Lane, Positioned, Start } from '@waybill/core/driver';
import { KafkaMessage } from './records.ts';
import type { FetchedRecord } from './wire.ts';

/** What a lane needs of its receiver. */
export interface LaneKeeper {
  /** It is empty and somebody waits. */
  want(): void;
  failure(): { readonly error: unknown } | undefined;
  /** At most once: the broker must know the position before anybody has the message. */
  forget?(lane: PartitionLane, through: string): Promise<void>;
  place(lane: PartitionLane, to: Start | { readonly after: string }): Promise<bigint>;
}

/** One grant of one partition, with what was fetched and not pulled yet. */
export class PartitionLane implements Lane<Positioned> {
  readonly id: string;
  readonly partition: number;
  /** The offset to fetch next. */
  next: bigint;
  readonly #keeper: LaneKeeper;
  #records: readonly FetchedRecord[] = [];
  #head = 0;
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
  /** Only an empty lane is fetched for: what is not pulled is not fetched. */
  get isHungry(): boolean {
    return this.#head >= this.#records.length && !this.#isEnded;
  }

  async pull(limit: number, signal: AbortSignal): Promise<readonly Positioned[]> {
    if (this.isHungry && !signal.aborted) await this.#arrival(signal);
    const failure = this.#keeper.failure();
    if (failure !== undefined) throw failure.error;
    if (this.#isEnded || this.isHungry) return [];
    const records = this.#records.slice(this.#head, this.#head + limit);
    this.#head += records.length;
    if (this.isHungry) this.#empty();
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
    this.#records = records;
    this.#head = 0;
    this.#wake?.();
  }
  end(): void {
    this.#isEnded = true;
    this.#empty();
    this.#wake?.();
  }

  #empty(): void {
    this.#records = [];
    this.#head = 0;
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
