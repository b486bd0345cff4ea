import type { Unsettled } from '@waybill/core/driver';
import { codeOf, KafkaError } from '../errors.ts';
import type { ShareReceipt } from './message.ts';
import type { ShareAcknowledgement, ShareSession } from './wire.ts';

/** What is said of a delivery, and its place in the call. */
export interface Saying {
  readonly index: number;
  readonly receipt: ShareReceipt;
  readonly what: ShareAcknowledgement['what'];
}

const invalidState = 121;
/** The leader moved, the topic is gone, or the state has another keeper: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, UNKNOWN_TOPIC_ID, FENCED_STATE_EPOCH. */
const moved: readonly (number | undefined)[] = [3, 6, 74, 75, 100, 124];
/** SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH */
const sessionGone: readonly (number | undefined)[] = [122, 123];

/** Resolves with what did not take effect. `over` is told when the session is. */
export async function say(
  session: ShareSession,
  sayings: readonly Saying[],
  leaseMs: number,
  over: (error: unknown) => void,
): Promise<readonly Unsettled[]> {
  const saidAt = performance.now();
  let codes: ReadonlyMap<number, number>;
  try {
    codes = await session.acknowledge(sayings.map(acknowledgementOf));
  } catch (error) {
    if (error instanceof KafkaError && !sessionGone.includes(codeOf(error)))
      return sayings.map(({ index }) => ({ index, outcome: 'failed', error }));
    over(error);
    return sayings.map(lost);
  }
  const unsettled: Unsettled[] = [];
  for (const [partition, part] of byPartition(sayings)) {
    const code = codes.get(partition);
    if (code === 0) renewed(part, saidAt + leaseMs);
    else if (code !== invalidState || part.length === 1) unsettled.push(...refused(part, code));
    // All of a partition takes effect, or nothing.
    else for (const half of halvesOf(part)) unsettled.push(...(await say(session, half, leaseMs, over)));
  }
  return unsettled;
}

function renewed(part: readonly Saying[], until: number): void {
  for (const { receipt, what } of part) if (what === 'renew') receipt.lockedUntil = until;
}

function refused(part: readonly Saying[], code: number | undefined): readonly Unsettled[] {
  if (code === undefined || code === invalidState || moved.includes(code)) return part.map(lost);
  const error = new KafkaError(code, `an acknowledgement in ${part[0]?.receipt.lane.id}`);
  return part.map(({ index }) => ({ index, outcome: 'failed', error }));
}

function halvesOf(part: readonly Saying[]): readonly (readonly Saying[])[] {
  const middle = Math.ceil(part.length / 2);
  return [part.slice(0, middle), part.slice(middle)];
}

export const lost = ({ index }: Saying): Unsettled => ({ index, outcome: 'lost' });

const acknowledgementOf = ({ receipt, what }: Saying): ShareAcknowledgement => ({
  partition: receipt.partition,
  offset: receipt.record.offset,
  what,
});

function byPartition(sayings: readonly Saying[]): ReadonlyMap<number, readonly Saying[]> {
  const found = new Map<number, Saying[]>();
  for (const one of sayings) {
    const part = found.get(one.receipt.partition) ?? [];
    found.set(one.receipt.partition, part);
    part.push(one);
  }
  return found;
}
