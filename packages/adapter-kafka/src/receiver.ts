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
import { codeOf, isPassing, KafkaError } from './errors.ts';
import { type LaneKeeper, PartitionLane } from './lane.ts';
import { behind, edge, laneId } from './placing.ts';
import { Positions, type Standing } from './positions.ts';
import type { Routing } from './routing.ts';
import { Transacting } from './transacting.ts';
import type { Fetched, Fetcher, Member, MemberOwner, Wire } from './wire.ts';

export interface Reading {
  readonly topic: string;
  /** Without one nobody keeps the position but the caller. */
  readonly group: string | undefined;
  /** Without a group: where each partition begins. */
  readonly starts: ReadonlyMap<number, bigint>;
  /** The broker has the position before anybody has the message. */
  readonly isForgetful: boolean;
}

const outOfRange = 1;
const unknownTopic = 3;
const pauseMs = 200;
/** How long to wait for the first round of joining before going on without. */
const joinMs = 3_000;
/** A partition that cannot be read for so long is told, and opened anew. */
const patienceMs = 15_000;
/** How long the broker may keep a fetch open: short while a lane that could become empty would wait for it. */
const idleMs = 500;
const busyMs = 20;

/** A member of a group, or a reader of every partition. One fetch for each leader, for the lanes that are empty. */
export class LogReceiver implements PositionReceiver, LaneKeeper, MemberOwner, Standing {
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
  readonly #fetcher: Fetcher;
  readonly #lanes = new Map<number, PartitionLane>();
  /** By which assignment a partition came. */
  readonly #awaited = new Map<number, object>();
  readonly #fetching = new Set<number>();
  #owner: LaneOwner<Positioned> | undefined;
  #member: Member | undefined;
  #failure: { readonly error: unknown } | undefined;
  #failingSince: number | undefined;
  #isClosed = false;
  #isPumping = false;
  #resolve: (cause: unknown) => void = () => undefined;

  constructor(wire: Wire, reading: Reading, routing: Routing) {
    this.native = wire.native;
    this.#wire = wire;
    this.#reading = reading;
    this.#fetcher = wire.openFetcher(reading.topic);
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
    const warmed = this.#fetcher.warm();
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
    if (this.#isPumping || this.#isClosed) return;
    this.#isPumping = true;
    queueMicrotask(() => {
      this.#isPumping = false;
      void this.#pump();
    });
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

  // What the member of the group tells.

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
    this.#fetcher.close();
  }

  // Reading.

  async #pump(): Promise<void> {
    const hungry = [...this.#lanes.values()].filter((lane) => lane.isHungry);
    if (this.#isClosed || hungry.length === 0) return;
    try {
      const leaders = await this.#fetcher.leaders(hungry.map(({ partition }) => partition));
      for (const [leader, partitions] of leaders)
        if (!this.#fetching.has(leader)) void this.#fetch(leader, this.#held(partitions));
    } catch (error) {
      await this.#troubled(error);
    }
  }

  async #fetch(leader: number, lanes: readonly PartitionLane[]): Promise<void> {
    this.#fetching.add(leader);
    try {
      const from = new Map(lanes.map((lane) => [lane.partition, lane.next]));
      const isAnyFull = [...this.#lanes.values()].some((lane) => !lane.isHungry);
      const fetched = await this.#fetcher.fetch(leader, from, isAnyFull ? busyMs : idleMs);
      for (const part of fetched) await this.#take(part, lanes, from);
      this.#failingSince = undefined;
    } catch (error) {
      await this.#troubled(error);
    } finally {
      this.#fetching.delete(leader);
      this.want();
    }
  }

  /** A lane that left, or was moved, while it was fetched for takes nothing. */
  async #take(part: Fetched, lanes: readonly PartitionLane[], from: ReadonlyMap<number, bigint>): Promise<void> {
    const lane = lanes.find(({ partition }) => partition === part.partition);
    if (lane === undefined || lane.isEnded || !lane.isHungry || lane.next !== from.get(part.partition)) return;
    if (part.errorCode === outOfRange) return this.#trimmed(lane);
    if (part.errorCode !== 0) throw new KafkaError(part.errorCode, `a fetch of ${lane.id}`);
    lane.next = part.next;
    if (part.records.length > 0) lane.fill(part.records);
  }

  /** Told once; a group goes on with what is left, a reader must say where. */
  async #trimmed(lane: PartitionLane): Promise<void> {
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

  /** What passes is waited out, but not for ever in silence. */
  async #troubled(error: unknown): Promise<void> {
    if (this.#isClosed) return;
    const code = codeOf(error);
    if (code === unknownTopic) return this.#missing(error);
    this.#failingSince ??= Date.now();
    if (!isPassing(error) || Date.now() - this.#failingSince > patienceMs) return this.failed(error);
    await pause();
    this.want();
  }
  /** A topic is also unknown to a broker that has just come to lead it. */
  async #missing(error: unknown): Promise<void> {
    try {
      await this.#wire.partitionsOf(this.#reading.topic, true);
      await pause();
      this.want();
    } catch {
      this.failed(error);
    }
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
