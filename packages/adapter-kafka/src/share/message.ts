import type { Receipted } from '@waybill/core/driver';
import { KafkaMessage } from '../records.ts';
import type { FetchedRecord, Header, RawRecord, WireRecord } from '../wire.ts';
import type { ShareLane } from './lane.ts';

/** On a copy that was made before Kafka would give a record up: its deliveries so far. Kafka's own count starts again. */
const countHeader = Buffer.from('waybill-deliveries');
const isCount = ([name]: Header): boolean => name.length === countHeader.length && name.equals(countHeader);

/** A record that is locked for us. */
export interface ShareReceipt {
  readonly lane: ShareLane;
  readonly partition: number;
  readonly record: FetchedRecord;
  /** Kafka's count of its deliveries, with this one. */
  readonly count: number;
  /** By `performance.now()`: somewhat before the lock ends by the broker's clock. */
  lockedUntil: number;
}

export class ShareMessage extends KafkaMessage implements Receipted<ShareReceipt> {
  readonly receipt: ShareReceipt;
  constructor(receipt: ShareReceipt) {
    super(receipt.record);
    this.receipt = receipt;
  }
  get attempt(): number {
    return carriedCount(this.native) + this.receipt.count;
  }
  protected override packed(): Record<string, string> {
    const { [countHeader.toString()]: _own, ...headers } = super.packed();
    return headers;
  }
}

function carriedCount({ headers }: RawRecord): number {
  const value = Number(headers.find(isCount)?.[1]?.toString('latin1') ?? 0);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** The same record once more, as a new one: this delivery is not counted, since nobody ran it. */
export function copyOf({ record, count }: ShareReceipt): WireRecord {
  const deliveries = carriedCount(record) + count - 1;
  const { key, value, timestamp } = record;
  const headers = record.headers.filter((header) => !isCount(header));
  return { key, value, timestamp, headers: [...headers, [countHeader, Buffer.from(String(deliveries))]] };
}
