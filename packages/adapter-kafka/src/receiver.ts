import {
  type Addressed,
  type Lane,
  type LaneOwner,
  type Positioned,
  type PositionReceiver,
  realClock,
  type Start,
  type Timer,
  type Transacted,
  type Unsettled,
  WaybillError,
  type Watermark,
} from '@waybill/core/driver';
import { isPassing } from './errors.ts';
import { type LaneKeeper, PartitionLane } from './lane.ts';
import { behind, edge, laneId } from './placing.ts';
import { Positions, type Standing } from './positions.ts';
import { Pump, type PumpOwner } from './pump.ts';
import type { Routing } from './routing.ts';
import { Transacting } from './transacting.ts';
import type { Member, MemberOwner, Wire } from './wire.ts';

export interface Reading {
  readonly topic: string;
  /** Without one nobody keeps the position but the caller. */
  readonly group: string | undefined;
  /** Without a group: where each partition begins. */
  readonly starts: ReadonlyMap<number, bigint>;
  /** The broker has the position before anybody has the message. */
  readonly isForgetful: boolean;
}

const pauseMs = 200;
/** How long to wait for the first round of joining before going on without. */
const joinMs = 3_000;

/** A member of a group, or a reader of every partition. */
export class LogReceiver implements PositionReceiver, LaneKeeper, PumpOwner, MemberOwner, Standing {
  readonly style = 'position';
  readonly native: unknown;
  readonly closed: Promise<unknown>;
  joined: () => void = () => undefined;
  commit?: (marks: readonly Watermark[]) => Promise<readonly Unsettled[]>;
  // Not there, rather than undefined, where it cannot be: that is how it is asked for.
  declare transact?: (outputs: readonly Addressed[], marks: readonly Watermark[]) => Promise<Transacted>;
  forget?: (lane: PartitionLane, through: string) => Promise<void>;
  readonly #wire: Wire;
  readonly #reading: Reading;
  readonly #lanes = new Map<number, PartitionLane>();
  readonly #pump: Pump;
  /** By which assignment a partition came. */
  readonly #awaited = new Map<number, object>();
  #owner: LaneOwner<Positioned> | undefined;
  #member: Member | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isClosed = false;
  #resolve: (cause: unknown) => void = () => undefined;

  constructor(wire: Wire, reading: Reading, routing: Routing) {
    this.native = wire.native;
    this.#wire = wire;
    this.#reading = reading;
    this.#pump = new Pump(wire, reading.topic, this.#lanes, this);
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
    if (reading.group !== undefined) this.#keep(reading.group, routing);
    void wire.closed.then((cause) => this.failed(cause ?? new WaybillError('closed', 'The link was closed')));
  }

  /**
   * Resolves when it is in its group, so that what comes to the group from then on finds it there; after a while also
   * without, since others may take long to give up what they have. Rejects where it can never be.
   */
  async open(): Promise<void> {
    const { topic, group, starts } = this.#reading;
    const warmed = this.#pump.warm();
    if (group === undefined) {
      await warmed;
      return this.#grant(starts);
    }
    let timer: Timer | undefined;
    const patience = new Promise<void>((resolve) => (timer = realClock.after(joinMs, resolve)));
    const joined = new Promise<void>((resolve) => (this.joined = resolve));
    this.#member = this.#wire.join({ group, topic }, this);
    await Promise.race([joined, patience, this.closed]);
    timer?.cancel();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  start(owner: LaneOwner<Positioned>): void {
    this.#owner = owner;
    if (this.#lanes.size > 0) owner.granted([...this.#lanes.values()]);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#end(undefined);
    await this.#member?.close();
  }

  // What a lane asks for.

  want(): void {
    this.#pump.want();
  }
  failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }
  async place({ partition }: PartitionLane, to: Start | { readonly after: string }): Promise<bigint> {
    const { topic } = this.#reading;
    return typeof to === 'object' && 'after' in to
      ? behind(this.#wire, topic, partition, to.after)
      : edge(this.#wire, topic, partition, to);
  }

  // What its pump and its member of the group tell.

  /** Told once; a group goes on with what is left, a reader must say where. */
  async trimmed(lane: PartitionLane): Promise<void> {
    const first = await edge(this.#wire, this.#reading.topic, lane.partition, 'earliest');
    const goesOn = this.#member === undefined ? 'begin elsewhere' : `the group goes on at ${first}`;
    if (lane.isEnded) return;
    await this.#member?.commit(new Map([[lane.partition, first]]));
    this.failed(
      new WaybillError(
        'not-found',
        `The records of ${lane.id} at offset ${lane.next} are gone, removed by retention or by hand; ${goesOn}`,
      ),
    );
  }
  /** Takes as long as a transaction of the one before is open. What is lost meanwhile is not granted. */
  async assigned(partitions: readonly number[]): Promise<void> {
    const assignment = {};
    for (const partition of partitions) this.#awaited.set(partition, assignment);
    const isAwaited = (partition: number): boolean => this.#awaited.get(partition) === assignment;
    while (!this.#isClosed && partitions.some(isAwaited)) {
      try {
        const standing = await this.#standing(partitions);
        return this.#grant(new Map([...standing].filter(([partition]) => isAwaited(partition))));
      } catch (error) {
        if (!isPassing(error)) throw error;
        await pause();
      }
    }
  }
  async revoking(partitions: readonly number[], withinMs: number): Promise<void> {
    await this.#owner?.revoking(this.#held(partitions), withinMs);
  }
  lost(partitions: readonly number[]): void {
    for (const partition of partitions) this.#awaited.delete(partition);
    const lanes = this.#held(partitions);
    for (const lane of lanes) {
      this.#lanes.delete(lane.partition);
      lane.end();
    }
    if (lanes.length > 0) this.#owner?.ended(lanes);
  }
  failed(error: unknown): void {
    if (this.#isClosed) return;
    this.#failure = { error };
    this.#end(error);
    void this.#member?.close();
  }

  /** Where the group stands; partitions that it never saw are read from their start. */
  async #standing(partitions: readonly number[]): Promise<ReadonlyMap<number, bigint>> {
    const { topic, group = '' } = this.#reading;
    const [starts, committed] = await Promise.all([
      this.#wire.offsetsAt(topic, new Map(partitions.map((partition) => [partition, 'earliest']))),
      this.#wire.committed(group, topic, partitions),
    ]);
    return new Map([...starts, ...committed]);
  }

  #grant(starts: ReadonlyMap<number, bigint>): void {
    if (this.#isClosed) return;
    const lanes = [...starts].map(
      ([partition, next]) => new PartitionLane(this, laneId(this.#reading.topic, partition), partition, next),
    );
    for (const lane of lanes) this.#lanes.set(lane.partition, lane);
    if (lanes.length > 0) this.#owner?.granted(lanes);
  }
  #held(partitions: readonly number[]): PartitionLane[] {
    return partitions.flatMap((partition) => this.#lanes.get(partition) ?? []);
  }

  /** Says so first: a goodbye to a dead peer may take long. */
  #end(cause: unknown): void {
    this.#isClosed = true;
    for (const lane of this.#lanes.values()) lane.end();
    this.#resolve(cause);
    this.#pump.close();
  }

  // Writing positions.

  #keep(group: string, routing: Routing): void {
    const positions = new Positions(this);
    this.commit = (marks) => positions.commit(marks);
    if (this.#reading.isForgetful) {
      this.forget = (lane, through) => positions.forget(lane, through);
      return;
    }
    const transactions = this.#wire.openTransactions?.(group);
    if (transactions === undefined) return;
    const transacting = new Transacting({ wire: this.#wire, routing, positions, transactions });
    this.transact = (outputs, marks) => transacting.transact(outputs, marks);
  }
  get member(): Member | undefined {
    return this.#member;
  }
  holds(lane: Lane<Positioned>): boolean {
    return lane instanceof PartitionLane && !lane.isEnded && this.#lanes.get(lane.partition) === lane;
  }
}

const pause = (): Promise<void> => new Promise((resolve) => void realClock.after(pauseMs, resolve));
