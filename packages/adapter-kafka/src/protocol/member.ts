import { realClock, WaybillError } from '@waybill/core/driver';
import { checkCode, codeOf, isPassing, KafkaError } from '../errors.ts';
import type { AnswerTo, BrokerConnection } from '../library.ts';
import type { Member, MemberOwner, MemberSpec, TransactionIdentity } from '../wire.ts';
import { assign } from './assignor.ts';
import type { Cluster } from './cluster.ts';
import { commit } from './offsets.ts';
import { atMost, Nap } from './patience.ts';
import { recall, remember, stranger } from './remembered.ts';
import { Session } from './session.ts';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './subscription.ts';

type Joined = AnswerTo<'joinGroup'>;

const protocolType = 'consumer';
const protocol = 'cooperative-sticky';
const memberIdRequired = 79;
const rebalanceInProgress = 27;
const inconsistentProtocol = 23;
/** ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID: the group went on without us. */
const expelled: readonly number[] = [22, 25, 82];
const pauseMs = 200;
const goodbyeMs = 1_000;

/**
 * One member of a classic group, cooperative. Heartbeats go on while partitions are drained, and a round of rebalancing
 * that takes some away ends with another one, in which somebody else may have them.
 */
export class GroupMember implements Member {
  readonly #cluster: Cluster;
  readonly #spec: MemberSpec;
  readonly #owner: MemberOwner;
  readonly #heartbeatMs: number;
  readonly #session: Session;
  #connection: BrokerConnection | undefined;
  #coordinator = -1;
  #memberId: string;
  /** The first request to join, which gives us our id. */
  #introduction: Promise<Joined> | undefined;
  #generation: number;
  #held: readonly number[] = [];
  /** Whoever leads the group: how many partitions it has given out of each topic. */
  readonly #counts = new Map<string, number>();
  #isClosed = false;
  readonly #nap = new Nap();

  constructor(cluster: Cluster, spec: MemberSpec, owner: MemberOwner) {
    this.#cluster = cluster;
    this.#spec = spec;
    this.#owner = owner;
    ({ memberId: this.#memberId, generation: this.#generation } = recall(cluster.settings, spec));
    this.#session = new Session(cluster.settings.sessionTimeoutMs);
    this.#heartbeatMs = Math.min(3_000, Math.max(100, Math.floor(cluster.settings.sessionTimeoutMs / 20)));
    void this.#live().catch((error: unknown) => {
      if (!this.#isClosed) this.#owner.failed(error);
    });
  }

  async commit(
    offsets: ReadonlyMap<number, bigint>,
    within?: TransactionIdentity,
  ): Promise<ReadonlyMap<number, number>> {
    const { group, topic } = this.#spec;
    const member = { generation: this.#generation, memberId: this.#memberId };
    const codes = await commit(this.#cluster, group, member, topic, offsets, within);
    // A heartbeat finds out why, and says so to whom it concerns.
    if ([...codes.values()].some((code) => code !== 0)) this.#nap.wake();
    return codes;
  }

  assured(): Promise<void> | undefined {
    const doubt = this.#session.doubt();
    if (doubt !== undefined) this.#nap.wake();
    return doubt;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#nap.end();
    this.#session.release();
    await atMost(goodbyeMs, this.#leave(), this.#cluster.closed);
    this.#connection?.close();
  }
  /** Whoever has an id is waited for by the others until it leaves, also while it has only asked to join. */
  async #leave(): Promise<void> {
    await this.#introduction?.catch(() => undefined);
    const [memberId, cluster] = [this.#memberId, this.#cluster];
    if (memberId === '') return;
    if (cluster.isEnded) return remember(cluster.settings, this.#spec, memberId);
    const leaving = [{ memberId, groupInstanceId: null }];
    // Not on the connection of the heartbeats, which may be waiting for the group.
    const left = cluster.ask(this.#coordinator, 'leaveGroup', this.#spec.group, leaving);
    await left.catch(() => remember(cluster.settings, this.#spec, memberId));
  }

  /** Joins again and again until it is closed, or until joining can never work. */
  async #live(): Promise<void> {
    while (!this.#isClosed && !this.#cluster.isEnded) {
      try {
        await this.#round();
        await this.#beat();
      } catch (error) {
        if (this.#isClosed || this.#cluster.isEnded) return;
        await this.#recover(error);
      }
    }
  }

  async #recover(error: unknown): Promise<void> {
    const code = codeOf(error);
    if (code === rebalanceInProgress) return;
    if (code !== undefined && expelled.includes(code)) return this.#start();
    if (!isPassing(error)) throw error;
    this.#cluster.forgetCoordinator(this.#spec.group);
    this.#connection?.close();
    this.#connection = undefined;
    await this.#nap.take(pauseMs);
  }
  /** As if it had never been there. */
  #start(): void {
    ({ memberId: this.#memberId, generation: this.#generation } = stranger);
    const held = this.#held;
    this.#held = [];
    if (held.length > 0) this.#owner.lost(held);
    this.#session.release();
  }

  async #round(): Promise<void> {
    const connection = await this.#connected();
    const joined = await this.#session.joining(this.#join(connection));
    this.#generation = joined.generationId;
    this.#counts.clear();
    const assignments = joined.leader === joined.memberId ? await this.#assignments(joined) : [];
    const { group, topic } = this.#spec;
    const synced = await connection.ask(
      'syncGroup',
      group,
      joined.generationId,
      joined.memberId,
      null,
      protocolType,
      protocol,
      assignments,
    );
    checkCode(synced.errorCode, `joining the group "${group}"`);
    await this.#adopt(decodeAssignment(synced.assignment).get(topic) ?? []);
  }

  async #connected(): Promise<BrokerConnection> {
    if (this.#connection?.isOpen) return this.#connection;
    this.#coordinator = await this.#cluster.coordinatorOf(this.#spec.group);
    const { rebalanceTimeoutMs, requestTimeoutMs } = this.#cluster.settings;
    // Joining lasts as long as the slowest member takes.
    const connection = await this.#cluster.open(this.#coordinator, rebalanceTimeoutMs + requestTimeoutMs);
    this.#connection = connection;
    if (this.#isClosed) connection.close();
    return connection;
  }

  async #join(connection: BrokerConnection): Promise<Joined> {
    const { group, topic } = this.#spec;
    const { sessionTimeoutMs, rebalanceTimeoutMs } = this.#cluster.settings;
    const owned = new Map([[topic, this.#held]]);
    const metadata = encodeSubscription({ topics: [topic], owned, generation: this.#generation });
    const protocols = [{ name: protocol, metadata }];
    const ask = (): Promise<Joined> =>
      connection.ask(
        'joinGroup',
        group,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        this.#memberId,
        null,
        protocolType,
        protocols,
      );
    const introduction = (this.#introduction = ask().then((answer) => {
      if (answer.errorCode === memberIdRequired) this.#memberId = answer.memberId;
      return answer;
    }));
    let joined = await introduction;
    this.#introduction = undefined;
    if (this.#isClosed) throw new WaybillError('closed', 'The member was closed');
    if (joined.errorCode === memberIdRequired) joined = await ask();
    if (joined.errorCode === inconsistentProtocol)
      throw new WaybillError(
        'mismatch',
        `The group "${group}" has members of another kind, which do not speak "${protocol}"; stop them first, or use another group`,
      );
    checkCode(joined.errorCode, `joining the group "${group}"`);
    this.#memberId = joined.memberId;
    return joined;
  }

  async #assignments({ members }: Joined): Promise<{ readonly memberId: string; readonly assignment: Buffer }[]> {
    const subscribers = members.map(({ memberId, metadata }) => ({ id: memberId, ...decodeSubscription(metadata) }));
    for (const topic of new Set(subscribers.flatMap(({ topics }) => topics)))
      this.#counts.set(topic, await this.#partitions(topic, true));
    return [...assign(subscribers, this.#counts)].map(([memberId, assignment]) => ({
      memberId,
      assignment: encodeAssignment(assignment),
    }));
  }
  async #partitions(topic: string, isFresh = false): Promise<number> {
    try {
      return (await this.#cluster.layout(topic, isFresh)).leaders.length;
    } catch (error) {
      // Another member's topic that is gone is no reason to stop here.
      if (topic !== this.#spec.topic && error instanceof KafkaError) return 0;
      throw error;
    }
  }

  /** What must go is drained first, under heartbeats; then the others are told by another round. */
  async #adopt(assigned: readonly number[]): Promise<void> {
    const going = this.#held.filter((partition) => !assigned.includes(partition));
    const coming = assigned.filter((partition) => !this.#held.includes(partition));
    if (going.length > 0) await this.#drain(going);
    if (this.#isClosed) return;
    this.#held = assigned;
    if (coming.length > 0) await this.#underHeartbeats(this.#owner.assigned(coming));
    this.#owner.joined();
    if (going.length > 0) throw new KafkaError(rebalanceInProgress, 'giving partitions back');
  }
  async #drain(going: readonly number[]): Promise<void> {
    const withinMs = Math.floor(this.#cluster.settings.rebalanceTimeoutMs / 2);
    await this.#underHeartbeats(this.#owner.revoking(going, withinMs));
    this.#held = this.#held.filter((partition) => !going.includes(partition));
    this.#owner.lost(going);
  }

  /** What may take longer than a session. If another round begins meanwhile, it waits for us as long as it does for anybody. */
  async #underHeartbeats(work: Promise<void>): Promise<void> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
      this.#nap.wake();
    });
    await Promise.all([done, this.#beat(() => isDone, [rebalanceInProgress])]);
  }

  /** Throws what ends the generation, unless it is one of `passed`. */
  async #beat(isEnough: () => boolean = () => false, passed: readonly number[] = []): Promise<void> {
    while (!this.#isClosed && !isEnough()) {
      await this.#nap.take(this.#heartbeatMs);
      if (this.#isClosed || isEnough()) return;
      const connection = await this.#connected();
      const { group } = this.#spec;
      const askedAt = performance.now();
      const { errorCode } = await inTime(
        connection,
        this.#cluster.settings.sessionTimeoutMs,
        connection.ask('heartbeat', group, this.#generation, this.#memberId, null),
      );
      if (errorCode === 0 || errorCode === rebalanceInProgress) this.#session.heard(askedAt);
      if (!passed.includes(errorCode)) checkCode(errorCode, `a heartbeat in the group "${group}"`);
      if (passed.length === 0) await this.#checkCounts();
    }
  }

  /** Partitions that were added are given out in another round. */
  async #checkCounts(): Promise<void> {
    for (const [topic, count] of this.#counts)
      // Who cannot be asked now is asked with a later heartbeat.
      if ((await this.#partitions(topic).catch(() => count)) !== count)
        throw new KafkaError(rebalanceInProgress, `a look at the partitions of "${topic}"`);
  }
}

/** A connection that leaves a heartbeat open for a whole session is dead. */
async function inTime<T>(connection: BrokerConnection, ms: number, answer: Promise<T>): Promise<T> {
  const timer = realClock.after(ms, () => connection.close());
  try {
    return await answer;
  } finally {
    timer.cancel();
  }
}
