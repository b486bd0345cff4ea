import { type Unsent, WaybillError } from '@waybill/core/driver';
import { codeOf } from './errors.ts';
import type { Wire, WireRecord } from './wire.ts';

/** One `send`, told of each of its messages. */
export interface SendCall {
  stored(index: number, offset: bigint | undefined): void;
  unsent(index: number, outcome: Unsent['outcome'], error: unknown): void;
}

interface Item {
  readonly record: WireRecord;
  readonly bytes: number;
  readonly index: number;
  readonly key: string | undefined;
  readonly call: SendCall;
}

/** Where batches go. */
export type Producer = Pick<Wire, 'produce' | 'batchMaxBytes'>;

/** MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE: the broker limits a batch, not a message. */
const tooLarge: readonly (number | undefined)[] = [10, 18];
/** Not stored, and it may be sent again: what came before it in its order was not stored. */
export const heldBack = (cause: unknown): WaybillError =>
  new WaybillError('unavailable', 'Held back: an earlier message of the same order was not stored', { cause });

const headBytes = 100;
const mostRecords = 10_000;

/**
 * What is on its way to one partition, in order: one request out, and the next takes all that has gathered meanwhile.
 * With several out, a failed one is overtaken by the next.
 */
export class PartitionQueue {
  readonly #producer: Producer;
  readonly #topic: string;
  readonly #partition: number;
  #waiting: Item[] = [];
  #head = 0;
  #isRunning = false;
  #maxBytes: number;

  constructor(producer: Producer, topic: string, partition: number) {
    this.#producer = producer;
    this.#topic = topic;
    this.#partition = partition;
    this.#maxBytes = Math.min(producer.batchMaxBytes, 1 << 20) - headBytes;
  }

  add(item: Item): void {
    this.#waiting.push(item);
  }
  run(): void {
    if (!this.#isRunning) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#isRunning = true;
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
      const records = batch.map(({ record }) => record);
      const produced = await this.#producer.produce(this.#topic, this.#partition, records);
      if (produced.outcome === 'stored') this.#stored(batch, produced.offset);
      else if (batch.length > 1 && tooLarge.includes(codeOf(produced.error))) this.#again(batch);
      else this.#unsent(batch, produced.outcome, produced.error);
    }
    this.#isRunning = false;
  }

  /** As many as fit into one batch, and always one. */
  #take(): Item[] {
    let bytes = 0;
    let end = this.#head;
    for (; end < this.#waiting.length && end - this.#head < mostRecords; end++) {
      bytes += this.#waiting[end]?.bytes ?? 0;
      if (bytes > this.#maxBytes && end > this.#head) break;
    }
    const batch = this.#waiting.slice(this.#head, end);
    this.#head = end;
    if (this.#head < this.#waiting.length) return batch;
    this.#waiting = [];
    this.#head = 0;
    return batch;
  }

  /** The topic takes less than the brokers do. */
  #again(batch: readonly Item[]): void {
    const bytes = batch.reduce((sum, one) => sum + one.bytes, 0);
    this.#maxBytes = Math.max(1, Math.floor(bytes / 2));
    this.#waiting = [...batch, ...this.#waiting.slice(this.#head)];
    this.#head = 0;
  }

  #stored(batch: readonly Item[], first: bigint | undefined): void {
    batch.forEach(({ call, index }, at) => call.stored(index, first === undefined ? undefined : first + BigInt(at)));
  }

  /** What follows in the same call may not overtake a failed one of its key. */
  #unsent(batch: readonly Item[], outcome: Unsent['outcome'], error: unknown): void {
    const failed = new Map<SendCall, Set<string>>();
    for (const { call, index, key } of batch) {
      if (key !== undefined) failed.set(call, (failed.get(call) ?? new Set()).add(key));
      call.unsent(index, outcome, error);
    }
    if (failed.size === 0) return;
    const isHeld = ({ call, key }: Item): boolean => key !== undefined && failed.get(call)?.has(key) === true;
    const rest = this.#waiting.slice(this.#head);
    this.#waiting = rest.filter((item) => !isHeld(item));
    this.#head = 0;
    for (const { call, index } of rest.filter(isHeld)) call.unsent(index, 'rejected', heldBack(error));
  }
}
