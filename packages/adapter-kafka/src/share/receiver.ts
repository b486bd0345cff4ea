import {
  type LaneOwner,
  type LeaseReceiver,
  type Settlement,
  type Unsettled,
  WaybillError,
} from '@waybill/core/driver';
import { codeOf, isPassing } from '../errors.ts';
import { partitionsOf } from '../placing.ts';
import { atMost, pause } from '../protocol/patience.ts';
import type { Wire } from '../wire.ts';
import type { ShareMember, ShareMemberOwner, WireShares } from './wire.ts';
import type { GroupTerms } from './groups.ts';
import { type LaneKeeper, ShareLane } from './lane.ts';
import type { ShareMessage, ShareReceipt } from './message.ts';
import type { Saying } from './saying.ts';
import { type Append, replaceWorn } from './sparing.ts';

export interface Sharing {
  readonly topic: string;
  readonly group: string;
  readonly terms: GroupTerms;
  readonly append: Append;
  /** The group knows where to begin in each partition. Else it finds out when it gives the first ones to a member. */
  readonly hasBegun: boolean;
  /** At most once. */
  readonly isForgetful: boolean;
}

const pauseMs = 200;
/** How long to wait for lanes before going on without. */
const joinMs = 3_000;
/** A broker that cannot be fetched from for so long is told, and the receiver opened anew. */
const patienceMs = 15_000;
const goodbyeMs = 1_000;
/** UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID */
const gone: readonly (number | undefined)[] = [3, 100];

/** A member of a share group, with one lane for each broker that leads partitions of its topic. */
export class ShareReceiver implements LeaseReceiver<ShareReceipt>, LaneKeeper, ShareMemberOwner {
  readonly style = 'lease';
  readonly native: unknown;
  readonly closed: Promise<unknown>;
  readonly leaseMs: number;
  readonly isForgetful: boolean;
  readonly #wire: Wire;
  readonly #shares: WireShares;
  readonly #sharing: Sharing;
  readonly #lanes = new Map<number, ShareLane>();
  #hasBegun: boolean;
  #arranging: Promise<void> = Promise.resolve();
  #arranged: () => void = () => undefined;
  #owner: LaneOwner<ShareMessage> | undefined;
  #member: ShareMember | undefined;
  #failure: { readonly error: unknown } | undefined;
  #failingSince: number | undefined;
  #isClosed = false;
  #resolve: (cause: unknown) => void = () => undefined;

  constructor(wire: Wire, shares: WireShares, sharing: Sharing) {
    this.native = wire.native;
    this.leaseMs = sharing.terms.leaseMs;
    this.isForgetful = sharing.isForgetful;
    this.#wire = wire;
    this.#shares = shares;
    this.#sharing = sharing;
    this.#hasBegun = sharing.hasBegun;
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
    void wire.closed.then((cause) => this.failed(cause ?? new WaybillError('closed', 'The link was closed')));
  }

  /** Resolves when it fetches; after a while also before, since a group may take long to begin. */
  async open(): Promise<void> {
    const { topic, group } = this.#sharing;
    const arranged = new Promise<void>((resolve) => (this.#arranged = resolve));
    this.#member = this.#shares.join({ group, topic }, this);
    await atMost(joinMs, arranged, this.closed);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  start(owner: LaneOwner<ShareMessage>): void {
    this.#owner = owner;
    if (this.#lanes.size > 0) owner.granted([...this.#lanes.values()]);
  }

  async settle(batch: readonly Settlement<ShareReceipt>[]): Promise<readonly Unsettled[]> {
    return this.#say(batch.map(({ receipt, outcome }, index) => ({ index, receipt, what: outcome })));
  }
  async extend(receipts: readonly ShareReceipt[]): Promise<readonly Unsettled[]> {
    return this.#say(receipts.map((receipt, index) => ({ index, receipt, what: 'renew' })));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#resolve(undefined);
    const lanes = [...this.#lanes.values()];
    await Promise.all([this.#member?.close(), ...lanes.map((lane) => atMost(goodbyeMs, lane.close()))]);
  }

  // What a lane asks for.

  failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }
  spare(lane: ShareLane, receipts: readonly ShareReceipt[]): Promise<readonly ShareReceipt[]> {
    return replaceWorn(this.#sharing.append, this.#sharing.terms, lane, receipts);
  }
  worked(): void {
    this.#failingSince = undefined;
  }
  /** Its session is over. What passes is waited out, but not for ever in silence. */
  troubled(lane: ShareLane, error: unknown): void {
    if (this.#isClosed || lane.isEnded) return;
    for (const [leader, one] of this.#lanes) if (one === lane) this.#lanes.delete(leader);
    lane.abandon();
    this.#owner?.ended([lane]);
    void this.#recover(error);
  }

  // What the member of the group tells.

  /**
   * Every partition is fetched from, whatever was given to us. Kafka spreads partitions over members, which suits members
   * that never are full; here a message must not wait for a member that is, nor for one that died and is missed after 45
   * seconds. Brokers lock records for whoever fetches them. Nor does a member of a group that has begun wait for what is
   * given to it, which takes up to a second (`share.assignment.interval.ms`, KIP-1263).
   */
  assigned(partitions: readonly number[]): Promise<void> {
    this.#hasBegun ||= partitions.length > 0;
    return this.#arrangeInTurn();
  }
  failed(error: unknown): void {
    if (this.#isClosed) return;
    this.#failure = { error };
    this.#isClosed = true;
    this.#resolve(error);
    for (const lane of this.#lanes.values()) lane.abandon();
    void this.#member?.close();
  }

  async #say(sayings: readonly Saying[]): Promise<readonly Unsettled[]> {
    const lanes = new Set(sayings.map(({ receipt }) => receipt.lane));
    const parts = [...lanes].map((lane) => lane.say(sayings.filter(({ receipt }) => receipt.lane === lane)));
    return (await Promise.all(parts)).flat();
  }

  #arrangeInTurn(): Promise<void> {
    this.#arranging = this.#arranging.then(() => this.#arrange()).catch((error: unknown) => this.#recover(error));
    return this.#arranging;
  }

  /** A lane stays with its broker, also while it has no partitions there. */
  async #arrange(): Promise<void> {
    if (this.#isClosed || !this.#hasBegun) return;
    const { topic } = this.#sharing;
    const leaders = await this.#wire.leadersOf(topic, await partitionsOf(this.#wire, topic));
    for (const [leader, lane] of this.#lanes) lane.assign(leaders.get(leader) ?? []);
    for (const [leader, partitions] of leaders) if (!this.#lanes.has(leader)) await this.#openLane(leader, partitions);
    if (this.#lanes.size > 0) this.#arranged();
  }

  async #openLane(leader: number, partitions: readonly number[]): Promise<void> {
    const { topic, group } = this.#sharing;
    const memberId = this.#member?.id ?? '';
    const session = await this.#shares.openSession({ topic, group, memberId, leader });
    if (this.#isClosed) return session.abandon();
    const lane = new ShareLane(this, `${topic}@${leader}`, session);
    this.#lanes.set(leader, lane);
    lane.assign(partitions);
    this.#owner?.granted([lane]);
  }

  async #recover(error: unknown): Promise<void> {
    if (this.#isClosed) return;
    this.#failingSince ??= Date.now();
    const isGone = gone.includes(codeOf(error));
    if (isGone && !(await this.#isTopicThere())) return this.failed(error);
    const isOver = Date.now() - this.#failingSince > patienceMs;
    if (isOver || !(isGone || isPassing(error))) return this.failed(error);
    await pause(pauseMs);
    void this.#arrangeInTurn();
  }
  /** A topic is also unknown to a broker that has just come to lead it. */
  #isTopicThere(): Promise<boolean> {
    return this.#wire.partitionsOf(this.#sharing.topic, true).then(
      () => true,
      () => false,
    );
  }
}
