import { type Outgoing, WaybillError } from '@waybill/core/driver';
import { partitionOf } from './partitioner.ts';
import { recordOf, sizeOf } from './records.ts';
import type { WireRecord } from './wire.ts';

/** A message as it goes to Kafka, and to which partition. */
export interface Routed {
  readonly partition: number;
  readonly record: WireRecord;
  readonly bytes: number;
}

/** Encodes messages and chooses their partitions; those without a key get them in turn. */
export class Routing {
  readonly #maxBytes: number;
  #turn = Math.floor(Math.random() * 1000);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** `count`: of the partitions that there are. Throws for what can never be stored. */
  route(message: Outgoing, count: number): Routed {
    this.#checkSize(message);
    const record = recordOf(message);
    return { partition: partitionOf(message, record.key, count, this.#turn++), record, bytes: sizeOf(record) };
  }

  /** The broker would take a little more, and a copy with the reason of its death would not fit any more. */
  #checkSize({ body }: Outgoing): void {
    const bytes = body?.byteLength ?? 0;
    if (bytes > this.#maxBytes)
      throw new WaybillError('too-large', `A body of ${bytes} bytes; this Kafka carries at most ${this.#maxBytes}`);
  }
}
