import { deferred } from './deferred.ts';
import type { Host } from './host.ts';
import { StreamLane } from './lane.ts';
import type { Partition } from './partition.ts';

/** A member, as its group sees it. */
export interface Member {
  readonly forgets: boolean;
  readonly closed: Promise<unknown>;
  granted(lanes: readonly StreamLane[]): void;
  /** Resolves when the lanes may go. */
  revoking(lanes: readonly StreamLane[], withinMs: number): Promise<void>;
  ended(lanes: readonly StreamLane[]): void;
}

interface Grant {
  readonly member: Member;
  readonly lane: StreamLane;
}

/** Members get this long to finish with a lane that moves on. */
const revokeMs = 30_000;

/** Shares the partitions of a stream among its members, and keeps the position in each. It outlives its members. */
export class Group {
  readonly #partitions: readonly Partition[];
  readonly #positions: number[];
  readonly #host: Host;
  readonly #members = new Set<Member>();
  readonly #grants = new Map<Partition, Grant>();
  #isRebalancing = false;
  #isStale = false;

  constructor(partitions: readonly Partition[], positions: readonly number[], host: Host) {
    this.#partitions = partitions;
    this.#positions = [...positions];
    this.#host = host;
  }

  /** The offset of the next record that nobody has done. */
  position(partition: Partition): number {
    return this.#positions[partition.index] ?? 0;
  }

  place(partition: Partition, next: number): void {
    this.#positions[partition.index] = next;
    this.#host.changed();
  }

  /** Whether that grant still holds: only its holder may write the position. */
  owns(member: Member, lane: StreamLane): boolean {
    const grant = this.#grants.get(lane.partition);
    return grant?.member === member && grant.lane === lane && lane.isOpen;
  }

  /** Nobody is to do anything, or everything is done. */
  get isIdle(): boolean {
    return this.#members.size === 0 || this.#partitions.every((partition) => this.position(partition) >= partition.end);
  }

  join(member: Member): void {
    this.#members.add(member);
    void this.#rebalance();
  }

  /** Its lanes are free at once; what it has not committed comes again elsewhere. */
  leave(member: Member): void {
    if (!this.#members.delete(member)) return;
    for (const [partition, grant] of this.#grants) {
      if (grant.member === member) this.#grants.delete(partition);
    }
    void this.#rebalance();
  }

  /** Again and again until nobody came or went meanwhile. */
  async #rebalance(): Promise<void> {
    this.#isStale = true;
    if (this.#isRebalancing) return;
    this.#isRebalancing = true;
    while (this.#isStale) {
      this.#isStale = false;
      const target = assign(this.#partitions, [...this.#members], (partition) => this.#grants.get(partition)?.member);
      const moving = [...this.#grants.values()].filter((grant) => target.get(grant.lane.partition) !== grant.member);
      if (moving.length > 0) await this.#revoke(moving);
      this.#grant(target);
    }
    this.#isRebalancing = false;
  }

  async #revoke(moving: readonly Grant[]): Promise<void> {
    const members = new Set(moving.map(({ member }) => member));
    await Promise.all(
      [...members].map(async (member) => {
        const lanes = moving.filter((grant) => grant.member === member).map(({ lane }) => lane);
        await this.#released(member, lanes);
        for (const lane of lanes) {
          if (this.#grants.get(lane.partition)?.lane === lane) this.#grants.delete(lane.partition);
          lane.end();
        }
        if (this.#members.has(member)) member.ended(lanes);
      }),
    );
  }

  /** The member is done with them, whatever it says, or is gone, or had its time. */
  async #released(member: Member, lanes: readonly StreamLane[]): Promise<void> {
    const released = deferred<void>();
    const go = (): void => released.resolve();
    const alarm = this.#host.agenda.after(revokeMs, go);
    void member.closed.then(go);
    member.revoking(lanes, revokeMs).then(go, go);
    await released.promise;
    this.#host.agenda.cancel(alarm);
  }

  #grant(target: ReadonlyMap<Partition, Member>): void {
    const granted = new Map<Member, StreamLane[]>();
    for (const [partition, member] of target) {
      if (this.#grants.has(partition) || !this.#members.has(member)) continue;
      const lane = this.#laneOf(partition, member);
      this.#grants.set(partition, { member, lane });
      granted.set(member, [...(granted.get(member) ?? []), lane]);
    }
    for (const [member, lanes] of granted) member.granted(lanes);
  }

  #laneOf(partition: Partition, member: Member): StreamLane {
    const forget = (through: number): void => this.place(partition, through + 1);
    return new StreamLane(partition, this.position(partition), this.#host, member.forgets ? forget : undefined);
  }
}

/** As even as can be, and moving as little as that allows. */
function assign<P, M>(
  partitions: readonly P[],
  members: readonly M[],
  ownerOf: (partition: P) => M | undefined,
): Map<P, M> {
  const held = new Map(
    members.map((member) => [member, partitions.filter((partition) => ownerOf(partition) === member)]),
  );
  const byHolding = members.toSorted((left, right) => held.get(right)!.length - held.get(left)!.length);
  const target = new Map<P, M>();
  const quota = (rank: number): number =>
    Math.floor(partitions.length / members.length) + (rank < partitions.length % members.length ? 1 : 0);
  const left = new Map(byHolding.map((member, rank) => [member, quota(rank)]));
  for (const [member, own] of held) {
    for (const partition of own.slice(0, left.get(member))) target.set(partition, member);
    left.set(member, left.get(member)! - Math.min(own.length, left.get(member)!));
  }
  const free = partitions.filter((partition) => !target.has(partition));
  for (const member of byHolding) {
    for (const partition of free.splice(0, left.get(member))) target.set(partition, member);
  }
  return target;
}
