import {
  type Addressed,
  type From,
  type Lane,
  type LaneOwner,
  type PositionReceiver,
  type Positioned,
  type Target,
  type Transacted,
  type Unsettled,
  type Watermark,
  WaybillError,
} from '@waybill/core/driver';
import { Ending } from './ending.ts';
import type { Group, Member } from './group.ts';
import type { Host } from './host.ts';
import { StreamLane } from './lane.ts';
import { offsetIn } from './partition.ts';
import type { Sink } from './sender.ts';
import { offsetFrom, type Stream } from './stream.ts';
import { storeTogether } from './transaction.ts';

export interface StreamReceiverSetup {
  readonly stream: Stream;
  readonly host: Host;
  readonly forgets: boolean;
  readonly sinkOf: (target: Target) => Sink | undefined;
  /** Tidies up after it ended. */
  readonly onEnd: () => void;
}

/** Reads all partitions for itself. Nobody keeps its position. */
export class StreamReader implements PositionReceiver {
  readonly style = 'position';
  readonly native: Stream;
  readonly #ending = new Ending();
  readonly #lanes: readonly StreamLane[];
  readonly #onEnd: () => void;

  constructor({ stream, host, onEnd }: StreamReceiverSetup, from: From) {
    this.native = stream;
    this.#lanes = stream.partitions.map((partition) => new StreamLane(partition, offsetFrom(partition, from), host));
    this.#onEnd = onEnd;
    stream.receivers.add(this);
  }

  get closed(): Promise<unknown> {
    return this.#ending.closed;
  }

  /** It has handed out all there is. */
  get isIdle(): boolean {
    return this.#lanes.every((lane) => lane.isAtEnd);
  }

  start(owner: LaneOwner<Positioned>): void {
    owner.granted(this.#lanes);
  }

  close(): Promise<void> {
    this.end(undefined);
    return Promise.resolve();
  }

  end(cause: unknown): void {
    if (!this.#ending.end(cause)) return;
    this.native.receivers.delete(this);
    for (const lane of this.#lanes) lane.end(this.#ending.cause);
    this.#onEnd();
  }
}

/** Shares the partitions with the other members of its group, which keeps the positions. */
export class GroupMember implements PositionReceiver, Member {
  readonly style = 'position';
  readonly native: Stream;
  readonly forgets: boolean;
  readonly #ending = new Ending();
  readonly #setup: StreamReceiverSetup;
  readonly #group: Group;
  readonly #lanes = new Set<Lane>();
  #owner: LaneOwner<Positioned> | undefined;

  constructor(setup: StreamReceiverSetup, group: Group) {
    this.native = setup.stream;
    this.forgets = setup.forgets;
    this.#setup = setup;
    this.#group = group;
    setup.stream.receivers.add(this);
  }

  get closed(): Promise<unknown> {
    return this.#ending.closed;
  }

  get isIdle(): boolean {
    return this.#group.isIdle;
  }

  start(owner: LaneOwner<Positioned>): void {
    this.#owner = owner;
    this.#group.join(this);
  }

  granted(lanes: readonly StreamLane[]): void {
    for (const lane of lanes) this.#lanes.add(lane);
    this.#owner?.granted(lanes);
  }

  async revoking(lanes: readonly StreamLane[], withinMs: number): Promise<void> {
    await this.#owner?.revoking(lanes, withinMs);
  }

  ended(lanes: readonly StreamLane[]): void {
    for (const lane of lanes) this.#lanes.delete(lane);
    this.#owner?.ended(lanes);
  }

  async commit(marks: readonly Watermark[]): Promise<readonly Unsettled[]> {
    await this.#turn();
    return marks.flatMap((mark, index) => this.#write(mark, index));
  }

  async transact(outputs: readonly Addressed[], marks: readonly Watermark[]): Promise<Transacted> {
    await this.#turn();
    const error = new WaybillError('lease-lost', 'memory: a lane of this transaction has moved on', {
      broker: 'memory',
    });
    if (marks.some(({ lane }) => !this.#owns(lane))) return { outcome: 'lost', error };
    return storeTogether(this.#setup.host, this.#setup.sinkOf, outputs, () => {
      for (const { lane, through } of marks)
        if (this.#owns(lane)) this.#group.place(lane.partition, offsetIn(through) + 1);
    });
  }

  close(): Promise<void> {
    this.end(undefined);
    return Promise.resolve();
  }

  end(cause: unknown): void {
    if (!this.#ending.end(cause)) return;
    this.native.receivers.delete(this);
    for (const lane of this.#lanes) if (lane instanceof StreamLane) lane.end(this.#ending.cause);
    this.#group.leave(this);
    this.#setup.onEnd();
  }

  #write({ lane, through }: Watermark, index: number): Unsettled[] {
    if (!this.#owns(lane)) return [{ index, outcome: 'lost' }];
    if (this.#setup.host.faults.strike('failSettle', this.native.name)) {
      return [
        {
          index,
          outcome: 'failed',
          error: new WaybillError('overloaded', 'memory: the commit failed (an injected fault)', { broker: 'memory' }),
        },
      ];
    }
    this.#group.place(lane.partition, offsetIn(through) + 1);
    return [];
  }

  #owns(lane: Lane): lane is StreamLane {
    return lane instanceof StreamLane && this.#group.owns(this, lane);
  }

  /** Waits while the broker is paused; what ends meanwhile has no effect. */
  async #turn(): Promise<void> {
    const { faults } = this.#setup.host;
    if (faults.quiet) return;
    faults.operation();
    if (faults.paused) await Promise.race([faults.paused, this.closed]);
  }
}
