import { randomBytes } from 'node:crypto';
import { WaybillError } from '@waybill/core/driver';
import { checkCode, codeOf, isPassing } from '../../errors.ts';
import type { MemberSpec } from '../../wire.ts';
import type { ShareMember, ShareMemberOwner } from '../../share/wire.ts';
import type { Cluster } from '../../protocol/cluster.ts';
import { atMost, Nap } from '../../protocol/patience.ts';
import { askAt } from './asking.ts';
import { heartbeat } from './requests.ts';

/** UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, STALE_MEMBER_EPOCH: the group went on without us. */
const expelled: readonly (number | undefined)[] = [25, 110, 113];
export const noShareGroup = 69;
const unknownTopicId = 100;
const pauseMs = 200;
const goodbyeMs = 1_000;
const leaving = -1;

/** A member of a share group: it is told which partitions to fetch, and others may be told the same ones. */
export class GroupShareMember implements ShareMember {
  /** As Java's `Uuid` writes one; the member chooses it itself. */
  readonly id = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  readonly #cluster: Cluster;
  readonly #spec: MemberSpec;
  readonly #owner: ShareMemberOwner;
  #epoch = 0;
  #hasPartitions = false;
  #isClosed = false;
  readonly #nap = new Nap();

  constructor(cluster: Cluster, spec: MemberSpec, owner: ShareMemberOwner) {
    this.#cluster = cluster;
    this.#spec = spec;
    this.#owner = owner;
    void this.#live().catch((error: unknown) => {
      if (!this.#isClosed) this.#owner.failed(error);
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#nap.end();
    if (this.#epoch === 0 || this.#cluster.isEnded) return;
    const goodbye = this.#beat(leaving).catch(() => undefined);
    await atMost(goodbyeMs, goodbye, this.#cluster.closed);
  }

  async #live(): Promise<void> {
    while (!this.#isClosed && !this.#cluster.isEnded) await this.#nap.take(await this.#round());
  }

  /** Resolves with the time until the next one. */
  async #round(): Promise<number> {
    try {
      const { memberEpoch, heartbeatIntervalMs, assignment } = await this.#beat(this.#epoch);
      this.#epoch = memberEpoch;
      if (assignment !== null) await this.#adopt(assignment);
      // A group that is new has nothing to give at first.
      return this.#hasPartitions ? heartbeatIntervalMs : Math.min(pauseMs, heartbeatIntervalMs);
    } catch (error) {
      if (expelled.includes(codeOf(error))) this.#epoch = 0;
      else if (!isPassing(error)) throw error;
      else this.#cluster.forgetCoordinator(this.#spec.group);
      return pauseMs;
    }
  }

  async #adopt(partitions: readonly number[]): Promise<void> {
    this.#hasPartitions = partitions.length > 0;
    if (!this.#isClosed) await this.#owner.assigned(partitions);
  }

  async #beat(epoch: number): ReturnType<(typeof heartbeat)['async']> {
    const { group, topic } = this.#spec;
    const topics = epoch === 0 ? [topic] : null;
    const coordinator = await this.#cluster.coordinatorOf(group);
    const answer = await askAt(this.#cluster, coordinator, heartbeat, group, this.id, epoch, topics);
    if (answer.errorCode === noShareGroup) throw otherKind(group);
    if (answer.errorCode === unknownTopicId) this.#cluster.forget(topic);
    checkCode(answer.errorCode, `a heartbeat in the share group "${group}"`, answer.errorMessage);
    return answer;
  }
}

/** Kafka has one space of names for groups of every kind, and none becomes another. */
export const otherKind = (group: string): WaybillError =>
  new WaybillError(
    'mismatch',
    `The group "${group}" is no share group: Kafka has it as a group that reads partitions. Give the queue another one under kafka.group, or leave out queues: 'share-groups'`,
  );
