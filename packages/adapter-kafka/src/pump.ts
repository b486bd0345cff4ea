import { realClock } from '@waybill/core/driver';
import { codeOf, isPassing, KafkaError } from './errors.ts';
import type { PartitionLane } from './lane.ts';
import type { Fetched, Fetcher, Wire } from './wire.ts';

/** What a pump tells the receiver whose lanes it fills. */
export interface PumpOwner {
  /** What the lane would hand out next is not kept any more. */
  trimmed(lane: PartitionLane): Promise<void>;
  /** Reading will not come back by itself. */
  failed(error: unknown): void;
}

const outOfRange = 1;
const unknownTopic = 3;
const pauseMs = 200;
/** A partition that cannot be read for so long is told, and opened anew. */
const patienceMs = 15_000;
/**
 * How long the broker may keep a fetch open. While one of its lanes is full, which could be hungry in a moment and would
 * wait for it: shortly, and longer the longer nothing comes.
 */
const idleMs = 500;
const busyMs = { least: 1, most: 20 } as const;

/** Fills lanes: one fetch for each leader is out, for those of its lanes that have room. */
export class Pump {
  readonly #wire: Wire;
  readonly #topic: string;
  readonly #lanes: ReadonlyMap<number, PartitionLane>;
  readonly #owner: PumpOwner;
  readonly #fetcher: Fetcher;
  readonly #fetching = new Set<number>();
  /** By leader: how long its fetches for less than all of its lanes wait. */
  readonly #busyMs = new Map<number, number>();
  #fills = 0;
  #failingSince: number | undefined;
  #isClosed = false;
  #isWanted = false;

  constructor(wire: Wire, topic: string, lanes: ReadonlyMap<number, PartitionLane>, owner: PumpOwner) {
    this.#wire = wire;
    this.#topic = topic;
    this.#lanes = lanes;
    this.#owner = owner;
    this.#fetcher = wire.openFetcher(topic);
  }

  /** Connects, so that the first fetch need not. Never rejects. */
  warm(): Promise<void> {
    return this.#fetcher.warm();
  }
  close(): void {
    this.#isClosed = true;
    this.#fetcher.close();
  }

  /** A lane has room. */
  want(): void {
    if (this.#isWanted || this.#isClosed) return;
    this.#isWanted = true;
    queueMicrotask(() => {
      this.#isWanted = false;
      void this.#pump();
    });
  }

  async #pump(): Promise<void> {
    if (this.#isClosed || ![...this.#lanes.values()].some((lane) => lane.isHungry)) return;
    try {
      const leaders = await this.#wire.leadersOf(this.#topic, [...this.#lanes.keys()]);
      for (const [leader, partitions] of leaders) if (!this.#fetching.has(leader)) void this.#fetch(leader, partitions);
    } catch (error) {
      await this.#troubled(error);
    }
  }

  async #fetch(leader: number, partitions: readonly number[]): Promise<void> {
    const lanes = this.#hungry(partitions);
    if (lanes.length === 0) return;
    this.#fetching.add(leader);
    try {
      const from = new Map(lanes.map((lane) => [lane.partition, lane.next]));
      const waitMs = lanes.length === partitions.length ? idleMs : (this.#busyMs.get(leader) ?? busyMs.least);
      const fetched = await this.#fetcher.fetch(leader, from, waitMs);
      const isFruitless = fetched.every(({ records }) => records.length === 0);
      this.#busyMs.set(leader, isFruitless ? Math.min(2 * waitMs, busyMs.most) : busyMs.least);
      for (const part of fetched) await this.#take(part, lanes, from);
      this.#failingSince = undefined;
    } catch (error) {
      await this.#troubled(error);
    } finally {
      this.#fetching.delete(leader);
      this.want();
    }
  }

  /** What lets the first batch be larger than the limits is the first place: those come first that went without for longest. */
  #hungry(partitions: readonly number[]): PartitionLane[] {
    const lanes = partitions.flatMap((partition) => this.#lanes.get(partition) ?? []).filter((lane) => lane.isHungry);
    return lanes.sort((one, other) => one.filledAt - other.filledAt);
  }

  /** A lane that left, or was moved, while it was fetched for takes nothing. */
  async #take(part: Fetched, lanes: readonly PartitionLane[], from: ReadonlyMap<number, bigint>): Promise<void> {
    const lane = lanes.find(({ partition }) => partition === part.partition);
    if (lane === undefined || !lane.isHungry || lane.next !== from.get(part.partition)) return;
    if (part.errorCode === outOfRange) return lane.isEmpty ? this.#owner.trimmed(lane) : lane.waitUntilEmpty();
    if (part.errorCode !== 0) throw new KafkaError(part.errorCode, `a fetch of ${lane.id}`);
    lane.next = part.next;
    if (part.records.length === 0) return;
    lane.filledAt = ++this.#fills;
    lane.fill(part.records);
  }

  /** What passes is waited out, but not for ever in silence. */
  async #troubled(error: unknown): Promise<void> {
    if (this.#isClosed) return;
    if (codeOf(error) === unknownTopic) return this.#missing(error);
    this.#failingSince ??= Date.now();
    if (!isPassing(error) || Date.now() - this.#failingSince > patienceMs) return this.#owner.failed(error);
    await pause();
    this.want();
  }
  /** A topic is also unknown to a broker that has just come to lead it. */
  async #missing(error: unknown): Promise<void> {
    try {
      await this.#wire.partitionsOf(this.#topic, true);
      await pause();
      this.want();
    } catch {
      this.#owner.failed(error);
    }
  }
}

const pause = (): Promise<void> => new Promise((resolve) => void realClock.after(pauseMs, resolve));
