import type { Lane, Start } from '@waybill/core/driver';
import type { Host } from './host.ts';
import type { Partition } from './partition.ts';
import { PendingPull } from './pending-pull.ts';
import type { StreamRecord } from './records.ts';

/** Once, the lane yields nothing more; with a cause, whoever pulls is told. */
export interface LaneEnd {
  readonly cause: Error | undefined;
}

/** One grant of one partition to one reader. */
export class StreamLane implements Lane<StreamRecord> {
  readonly id: string;
  readonly partition: Partition;
  readonly #host: Host;
  /** At-most-once: told of the last offset before the messages are handed over. */
  readonly #forget: ((through: number) => void) | undefined;
  #next: number;
  #pending: PendingPull<StreamRecord> | undefined;
  #ended: LaneEnd | undefined;

  constructor(partition: Partition, next: number, host: Host, forget?: (through: number) => void) {
    this.id = partition.id;
    this.partition = partition;
    this.#next = next;
    this.#host = host;
    this.#forget = forget;
    partition.readers.add(this);
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  /** Everything there is has been handed over. */
  get isAtEnd(): boolean {
    return this.#next >= this.partition.end;
  }

  pull(limit: number, signal: AbortSignal): Promise<readonly StreamRecord[]> {
    if (!this.#host.faults.quiet) this.#host.faults.operation();
    if (this.#ended) return this.#ended.cause ? Promise.reject(this.#ended.cause) : Promise.resolve([]);
    if (signal.aborted) return Promise.resolve([]);
    const records = this.#take(limit);
    if (records.length > 0) return Promise.resolve(records);
    return this.#wait(limit, signal);
  }

  seek(to: Start | { readonly after: string }): Promise<void> {
    return new Promise((resolve) => {
      this.#next = this.partition.offsetOf(to);
      this.wake();
      resolve();
    });
  }

  wake(): void {
    this.#pending?.schedule();
  }

  end(cause?: Error): void {
    if (this.#ended) return;
    this.#ended = { cause };
    this.partition.readers.delete(this);
    if (cause) this.#pending?.reject(cause);
    else this.#pending?.resolve([]);
  }

  #take(limit: number): StreamRecord[] {
    if (this.#host.faults.paused) return [];
    const records = this.partition.read(this.#next, limit);
    const last = records.at(-1);
    if (!last) return records;
    this.#next = last.offset + 1;
    this.#forget?.(last.offset);
    this.#host.changed();
    return records;
  }

  #wait(limit: number, signal: AbortSignal): Promise<readonly StreamRecord[]> {
    const pending = new PendingPull<StreamRecord>(signal, {
      attempt: () => this.#take(limit),
      waiting: () => this.#untilResumed(),
      done: () => {
        if (this.#pending === pending) this.#pending = undefined;
      },
    });
    this.#pending = pending;
    this.#untilResumed();
    return pending.promise;
  }

  /** Appends wake it anyway; a paused broker has to be waited for. */
  #untilResumed(): void {
    void this.#host.faults.paused?.then(() => this.wake());
  }
}
