import { type Lane, type Positioned, type Unsettled, WaybillError, type Watermark } from '@waybill/core/driver';
import { KafkaError } from './errors.ts';
import { PartitionLane } from './lane.ts';
import type { Member, TransactionIdentity } from './wire.ts';

/** What the positions of a receiver depend on, as it is now. */
export interface Standing {
  readonly member: Member | undefined;
  /** The lane is the grant that holds its partition. */
  holds(lane: Lane<Positioned>): boolean;
}

/** UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID. ILLEGAL_GENERATION may be a round whose end we have not heard of. */
const expelled: readonly number[] = [25, 82];

/** Writes how far the lanes of a member have come; only of those that it holds. */
export class Positions {
  readonly #standing: Standing;

  constructor(standing: Standing) {
    this.#standing = standing;
  }

  holdsAll(marks: readonly Watermark[]): boolean {
    return marks.every(({ lane }) => this.#standing.holds(lane));
  }

  async commit(marks: readonly Watermark[]): Promise<readonly Unsettled[]> {
    const { member } = this.#standing;
    const offsets = offsetsOf(marks.filter(({ lane }) => this.#standing.holds(lane)));
    if (offsets.size === 0 || member === undefined) return marks.map((_, index) => ({ index, outcome: 'lost' }));
    try {
      const codes = await member.commit(offsets);
      return marks.flatMap(({ lane }, index) => this.#unsettled(lane, index, codes.get(partitionOf(lane))));
    } catch (error) {
      return marks.map(({ lane }, index) =>
        this.#standing.holds(lane) ? { index, outcome: 'failed', error } : { index, outcome: 'lost' },
      );
    }
  }

  /** All of them, as part of a transaction. Throws what keeps one from being written. */
  async commitWithin(marks: readonly Watermark[], transaction: TransactionIdentity): Promise<void> {
    const { member } = this.#standing;
    if (member === undefined || !this.holdsAll(marks)) throw gone();
    const codes = await member.commit(offsetsOf(marks), transaction);
    for (const { lane } of marks) {
      const code = codes.get(partitionOf(lane));
      if (code === undefined || expelled.includes(code)) throw gone(code);
      if (code !== 0) throw new KafkaError(code, `the position of ${lane.id} in a transaction`);
    }
  }

  /** Before anybody has the message. */
  async forget(lane: PartitionLane, through: string): Promise<void> {
    const [unsettled] = await this.commit([{ lane, through }]);
    if (unsettled === undefined) return;
    throw new WaybillError('unavailable', `The position of ${lane.id} could not be written, so nothing was handed out`);
  }

  #unsettled(lane: Lane<Positioned>, index: number, code: number | undefined): readonly Unsettled[] {
    if (code === 0) return [];
    if (code === undefined || expelled.includes(code) || !this.#standing.holds(lane))
      return [{ index, outcome: 'lost' }];
    return [{ index, outcome: 'failed', error: new KafkaError(code, `a commit of ${lane.id}`) }];
  }
}

export const gone = (code?: number): WaybillError =>
  new WaybillError(
    'lease-lost',
    'A partition went to another member of the group, so its position was not written',
    code === undefined ? {} : { cause: new KafkaError(code, 'a position in a transaction') },
  );

const offsetsOf = (marks: readonly Watermark[]): ReadonlyMap<number, bigint> =>
  new Map(marks.map(({ lane, through }) => [partitionOf(lane), BigInt(through) + 1n]));
const partitionOf = (lane: Lane<Positioned>): number => (lane instanceof PartitionLane ? lane.partition : -1);
