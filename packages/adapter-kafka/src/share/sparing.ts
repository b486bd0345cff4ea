import { pause } from '../protocol/patience.ts';
import type { WireRecord } from '../wire.ts';
import type { GroupTerms } from './groups.ts';
import type { ShareLane } from './lane.ts';
import { copyOf, type ShareReceipt } from './message.ts';

/** Stores one record in a partition; resolves with whether it certainly did. */
export type Append = (partition: number, record: WireRecord) => Promise<boolean>;

/**
 * Kafka drops a record without a word when its last delivery ends (`share.delivery.count.limit`). So one that has come
 * half as often is not handed out: a copy is stored behind the others, with its deliveries so far, and then it is
 * accepted. Nothing of the same fetch is handed out before: a message that ends its process does not wear out its
 * neighbours. A crash in between leaves two; the other half of the deliveries is for copies that could not be stored.
 * The last one of all is not handed out before it is stored elsewhere.
 */
export async function replaceWorn(
  append: Append,
  { leaseMs, copyFrom, limit }: GroupTerms,
  lane: ShareLane,
  receipts: readonly ShareReceipt[],
): Promise<readonly ShareReceipt[]> {
  const worn = receipts.filter(({ count }) => count >= copyFrom);
  if (worn.length === 0) return receipts;
  const left = await replace(append, lane, worn);
  const last = left.filter(({ count }) => count >= limit);
  if (last.length > 0) void replaceInTheEnd(append, leaseMs, lane, last);
  return receipts.filter((one) => one.count < copyFrom || (one.count < limit && left.includes(one)));
}

/** Kept for as long as the lane lives. Never rejects. */
async function replaceInTheEnd(
  append: Append,
  leaseMs: number,
  lane: ShareLane,
  receipts: readonly ShareReceipt[],
): Promise<void> {
  for (let left = receipts; left.length > 0 && !lane.isEnded; left = await replace(append, lane, left)) {
    await pause(leaseMs / 4);
    left = await lane.renew(left);
  }
}

/** Resolves with those that could not be stored. One that was stored and is not ours any more comes twice. */
async function replace(
  append: Append,
  lane: ShareLane,
  receipts: readonly ShareReceipt[],
): Promise<readonly ShareReceipt[]> {
  const isStored = await Promise.all(receipts.map((receipt) => append(receipt.partition, copyOf(receipt))));
  const stored = receipts.filter((_, index) => isStored[index]);
  if (stored.length > 0) await lane.say(stored.map((receipt, index) => ({ index, receipt, what: 'accept' })));
  return receipts.filter((_, index) => !isStored[index]);
}
