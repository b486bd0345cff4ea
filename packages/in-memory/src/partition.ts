import { type Start, WaybillError } from '@waybill/core/driver';
import type { Host } from './host.ts';
import { type Stored, StreamRecord } from './records.ts';

/** Somebody who reads a partition. */
export interface Reader {
  wake(): void;
}

/** One line of records. They stay, whoever reads, until they are older than the retention. */
export class Partition {
  /** As lanes show it: `''` where the stream has only one. */
  readonly id: string;
  readonly index: number;
  readonly readers = new Set<Reader>();
  readonly #host: Host;
  readonly #retentionMs: number;
  #records: Stored[] = [];
  /** The offset of the first element of `#records`, and how many of its first elements are gone. */
  #base = 0;
  #gone = 0;

  constructor(id: string, index: number, retentionMs: number, host: Host) {
    this.id = id;
    this.index = index;
    this.#retentionMs = retentionMs;
    this.#host = host;
  }

  /** The first offset that is still kept. */
  get start(): number {
    this.#dropOld();
    return this.#base + this.#gone;
  }

  /** The offset of the next record. */
  get end(): number {
    return this.#base + this.#records.length;
  }

  append(stored: Stored): number {
    this.#dropOld();
    this.#records.push(stored);
    for (const reader of this.readers) reader.wake();
    return this.end - 1;
  }

  /** At most `limit` records from an offset on. */
  read(from: number, limit: number): StreamRecord[] {
    const first = Math.max(from, this.start) - this.#base;
    return this.#records
      .slice(first, first + limit)
      .map((stored, index) => new StreamRecord(stored, this.#base + first + index));
  }

  records(): Stored[] {
    this.#dropOld();
    return this.#records.slice(this.#gone);
  }

  /** The offset where reading begins. */
  offsetOf(start: Start | { readonly after: string }): number {
    if (start === 'earliest') return this.start;
    if (start === 'latest') return this.end;
    if ('after' in start) return offsetIn(start.after) + 1;
    return this.#firstAt(start.timestamp);
  }

  purge(): void {
    this.#base = this.end;
    this.#records = [];
    this.#gone = 0;
  }

  /** Stored at that time or later; times only grow, so halving finds it. */
  #firstAt(timestamp: number): number {
    let low = this.start - this.#base;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#records[middle]!.storedAt < timestamp) low = middle + 1;
      else high = middle;
    }
    return this.#base + low;
  }

  #dropOld(): void {
    if (this.#retentionMs === Infinity) return;
    const oldest = this.#host.clock.now() - this.#retentionMs;
    while (this.#gone < this.#records.length && this.#records[this.#gone]!.storedAt < oldest) this.#gone += 1;
    if (this.#gone < 1024 || this.#gone * 2 < this.#records.length) return;
    this.#records = this.#records.slice(this.#gone);
    this.#base += this.#gone;
    this.#gone = 0;
  }
}

/** Reads a position as this broker writes them. */
export function offsetIn(position: string): number {
  const offset = Number(position);
  if (position !== '' && Number.isSafeInteger(offset) && offset >= 0) return offset;
  throw new WaybillError(
    'invalid',
    `memory: ${JSON.stringify(position)} is no position of a stream; give one that a message of it had`,
    { broker: 'memory' },
  );
}
