import { randomUUID } from 'node:crypto';
import {
  type From,
  type LaneOwner,
  type Positioned,
  type PositionReceiver,
  realClock,
  type ReceiveOptions,
  type Timer,
  type Unsettled,
  type Watermark,
} from '@waybill/core/driver';
import type { Redis } from 'ioredis';
import type { Argument, Connection } from './connection.ts';
import { commit, giveUp, share } from './group-scripts.ts';
import type { Script } from './scripts.ts';
import { placeOf, type StreamLane } from './stream-receiver.ts';

/** What a member of a group reads. */
export interface Membership {
  /** The hash that holds the group's members, owners and positions. */
  readonly key: string;
  readonly partitions: number;
  readonly from: From;
  /** A member that is silent for so long loses its partitions, in milliseconds. */
  readonly sessionMs: number;
  readonly openLane: (partition: number) => Promise<StreamLane>;
}

type Shared = readonly [
  held: readonly number[],
  extra: readonly number[],
  fresh: readonly (readonly [partition: number, position: Buffer | null])[],
];

/** Once in so many parts of the session a member says that it lives, and sees what has become its own. */
const beats = 6;

/** One member of a group: each partition is read by one member at a time, and only that one moves its position. */
export class GroupReceiver implements PositionReceiver {
  readonly style = 'position';
  readonly native: Redis;
  readonly closed: Promise<unknown>;
  readonly #commands: Connection;
  readonly #membership: Membership;
  readonly #options: ReceiveOptions;
  readonly #member = randomUUID();
  readonly #lanes = new Map<number, StreamLane>();
  #owner: LaneOwner<Positioned> | undefined;
  #timer: Timer | undefined;
  #sharing: Promise<void> = Promise.resolve();
  #isEnded = false;
  #isOvertaken = false;
  #end!: (cause: unknown) => void;
  #closing: Promise<void> | undefined;

  /** `lost` is the link's end. */
  constructor(commands: Connection, membership: Membership, options: ReceiveOptions, lost: Promise<unknown>) {
    this.native = commands.client;
    this.#commands = commands;
    this.#membership = membership;
    this.#options = options;
    this.closed = new Promise((resolve) => (this.#end = resolve));
    void lost.then((cause) => this.#fail(cause));
  }

  /** A new group has its positions when this resolves. */
  open(): Promise<void> {
    return this.#share();
  }

  start(owner: LaneOwner<Positioned>): void {
    this.#owner = owner;
    if (this.#lanes.size > 0) owner.granted([...this.#lanes.values()]);
    this.#shareAgain();
  }

  async commit(marks: readonly Watermark[]): Promise<readonly Unsettled[]> {
    if (this.#isEnded) return marks.map((_, index) => ({ index, outcome: 'lost' }));
    const held = marks.map(({ lane }) => this.#partitionOf(lane));
    // One that was overtaken has its next position already, behind what it still marks.
    const isMarked = (partition: number): boolean => this.#lanes.get(partition)?.isOvertaken === false;
    const ours = held.flatMap((partition, index) =>
      partition === undefined || !isMarked(partition) ? [] : [{ partition, index }],
    );
    const args = ours.flatMap(({ partition, index }) => [partition, marks[index]!.through]);
    const lost = args.length === 0 ? [] : ((await this.#run(commit, args)) as readonly number[]);
    const gone = held.flatMap((partition, index) => (partition === undefined ? [index] : []));
    return [...gone, ...lost.map((at) => ours[at]!.index)].map((index) => ({ index, outcome: 'lost' }));
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#finish(undefined);
    await this.#sharing;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.end()));
    // Where it does not arrive the others wait until the session is over.
    if (!this.#commands.isClosed) await this.#run(giveUp, [1, ...this.#lanes.keys()]).catch(() => undefined);
  }

  #fail(cause: unknown): void {
    if (this.#isEnded) return;
    this.#finish(cause);
    for (const lane of this.#lanes.values()) void lane.end();
  }

  #finish(cause: unknown): void {
    this.#isEnded = true;
    this.#timer?.cancel();
    this.#end(cause);
  }

  #shareAgain(): void {
    if (this.#isEnded) return;
    this.#timer = realClock.after(this.#membership.sessionMs / beats, () => {
      this.#sharing = this.#share().then(
        () => this.#shareAgain(),
        (cause: unknown) => this.#fail(cause),
      );
    });
  }

  async #share(): Promise<void> {
    const { sessionMs, partitions } = this.#membership;
    const [held, extra, fresh] = (await this.#run(share, [sessionMs, partitions])) as Shared;
    this.#forget([...this.#lanes.keys()].filter((partition) => !held.includes(partition)));
    if (extra.length > 0) void this.#handOver(extra);
    await Promise.all(fresh.map(([partition, position]) => this.#take(partition, position?.toString('latin1'))));
  }

  async #take(partition: number, position: string | undefined): Promise<void> {
    const { from, openLane } = this.#membership;
    const lane = await openLane(partition);
    // Each is told: of several that were overtaken, the next one's turn comes with the next receiver.
    lane.onTrimmed = async (goesOn) => {
      if (this.#isOvertaken) return;
      this.#isOvertaken = true;
      await this.#run(commit, [partition, goesOn]);
    };
    try {
      await lane.seek(position === undefined ? placeOf(from, lane.id) : { after: position });
      // Written at once: a group that begins at the latest must not begin there again.
      if (position === undefined) await this.#run(commit, [partition, lane.after]);
      void lane.connection.closed.then((cause) => this.#lanes.get(partition) === lane && this.#fail(cause));
    } catch (error) {
      void lane.end();
      // Not for whoever opens the group to give up: it goes on elsewhere.
      if (lane.isOvertaken) return this.#fail(error);
      throw error;
    }
    if (this.#isEnded) return lane.end();
    if (this.#options.delivery === 'at-most-once')
      lane.onPulled = async (through) => (await this.#run(commit, [partition, through])) as readonly number[];
    this.#lanes.set(partition, lane);
    this.#owner?.granted([lane]);
  }

  /** Waits for what runs, so that the next owner begins where we end. */
  async #handOver(partitions: readonly number[]): Promise<void> {
    const leaving = partitions.filter((partition) => this.#lanes.get(partition)?.isLeaving === false);
    const lanes = leaving.map((partition) => this.#lanes.get(partition)!);
    if (lanes.length === 0) return;
    for (const lane of lanes) lane.isLeaving = true;
    await this.#owner?.revoking(lanes, this.#membership.sessionMs);
    if (this.#isEnded) return;
    this.#forget(leaving);
    await this.#run(giveUp, [0, ...leaving]).catch((cause: unknown) => this.#fail(cause));
  }

  #forget(partitions: readonly number[]): void {
    const lanes = partitions.flatMap((partition) => this.#lanes.get(partition) ?? []);
    for (const partition of partitions) this.#lanes.delete(partition);
    for (const lane of lanes) void lane.end();
    if (lanes.length > 0) this.#owner?.ended(lanes);
  }

  #partitionOf(lane: unknown): number | undefined {
    for (const [partition, held] of this.#lanes) if (held === lane) return partition;
    return undefined;
  }

  #run(script: Script, args: readonly Argument[]): Promise<unknown> {
    return this.#commands.run(script, [this.#membership.key], [this.#member, ...args]);
  }
}
