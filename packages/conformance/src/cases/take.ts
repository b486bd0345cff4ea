import type { Deliveries, Delivery, Reader, StreamRecord } from '@waybill/core';
import type { Context } from '../context.ts';
import { within } from '../waits.ts';

/** The next deliveries of a hand-settled consumer, without ending it. */
export async function take<T>(context: Context, deliveries: Deliveries<T>, count: number): Promise<Delivery<T>[]> {
  const iterator = deliveries[Symbol.asyncIterator]();
  const taken: Delivery<T>[] = [];
  while (taken.length < count) {
    const next = await within(`message ${taken.length + 1} of ${count}`, iterator.next(), context.timing.positiveMs);
    if (next.done) break;
    context.saw(1);
    taken.push(next.value);
  }
  context.expect.equal(taken.length, count, 'deliveries taken by hand');
  return taken;
}

/** Reads to the end of what the reader gives, or `count` records. */
export async function readAll<T>(context: Context, reader: Reader<T>, count = Infinity): Promise<StreamRecord<T>[]> {
  const records: StreamRecord<T>[] = [];
  for await (const record of reader) {
    context.saw(1);
    records.push(record);
    if (records.length >= count) break;
  }
  return records;
}
