import { randomUUID } from 'node:crypto';
import {
  type Lane,
  type LaneOwner,
  type LeaseReceiver,
  realClock,
  type Receipted,
  type ReceiveOptions,
  type Settlement,
  type Timer,
  type Unsettled,
} from '@waybill/core/driver';
import type { Redis } from 'ioredis';
import type { Argument, Connection } from './connection.ts';
import { introduce, Presence } from './presence.ts';
import { mostAtOnce, type Reader } from './reader.ts';
import { group, type Keys } from './names.ts';
import { type Entry, QueueMessage, type Receipt } from './records.ts';
import { accept, bury, claim, extend, leave, release, type Script, tend } from './scripts.ts';

/** What a receiver reads, and how. */
export interface Reading {
  readonly keys: Keys;
  readonly bodyField: string | undefined;
  /** A blocking read ends after so long, to look for what is due and what nobody holds any more. */
  readonly pollMs: number;
  /** Keys that expire when this receiver no longer looks after them; 0: they stay. */
  readonly ttlMs: number;
  /** Says goodbye to the topic of a subscription that goes with its receiver. */
  readonly part?: () => Promise<unknown>;
  /** Consumers of this process whose links were lost: nobody else works for them. Emptied as they are taken over. */
  readonly gone: Set<string>;
}

type Settling = Settlement<Receipt>;

/**
 * One consumer of a group. A lease is the idle time of a pending entry: read or extended it begins anew, and when it is
 * longer than the lease that is part of the consumer's name anybody may claim the entry.
 */
export class QueueReceiver implements LeaseReceiver<Receipt>, Lane<Receipted<Receipt>> {
  readonly style = 'lease';
  readonly id = '';
  readonly native: Redis;
  readonly closed: Promise<unknown>;
  readonly leaseMs: number;
  readonly #reader: Reader;
  readonly #commands: Connection;
  readonly #reading: Reading;
  readonly #options: ReceiveOptions;
  readonly #presence: Presence;
  #consumer = '';
  /** Where a search for ended leases goes on. */
  #cursor = '-';
  #isClaimable = false;
  #lookAt = 0;
  #looking = false;
  #isPulling = false;
  /** For what is due while a read waits. */
  #timer: Timer | undefined;
  #failure: { readonly cause: unknown } | undefined;
  #isEnded = false;
  #end!: (cause: unknown) => void;
  #closing: Promise<void> | undefined;

  /** `lost` is the link's end. */
  constructor(reader: Reader, commands: Connection, reading: Reading, options: ReceiveOptions, lost: Promise<unknown>) {
    this.native = reader.connection.client;
    this.leaseMs = Math.ceil(options.leaseMs);
    this.#reader = reader;
    this.#commands = commands;
    this.#reading = reading;
    this.#options = options;
    this.#presence = new Presence(commands, reading.keys.stream, group);
    this.closed = new Promise((resolve) => (this.#end = resolve));
    for (const end of [lost, reader.connection.closed]) void end.then((cause) => this.#lose(cause));
  }

  /** Rejects when there is nothing to read from. */
  async open(): Promise<void> {
    const { connection, clientId } = this.#reader;
    this.#consumer = await introduce(connection, randomUUID(), clientId, this.leaseMs);
    await this.#commands.call('XGROUP', 'CREATECONSUMER', this.#stream, group, this.#consumer);
  }

  start(owner: LaneOwner<Receipted<Receipt>>): void {
    owner.granted([this]);
  }

  async pull(limit: number, signal: AbortSignal): Promise<readonly Receipted<Receipt>[]> {
    const wake = (): void => void this.#reader.unblock();
    signal.addEventListener('abort', wake, { once: true });
    this.#isPulling = true;
    try {
      while (!signal.aborted && !this.#isEnded) {
        this.#look();
        if (this.#failure !== undefined) throw this.#failure.cause;
        const isClaiming = this.#isClaimable || this.#reading.gone.size > 0;
        const found = isClaiming ? await this.#claim(limit) : [];
        if (found.length === 0 && !signal.aborted) found.push(...(await this.#read(limit)));
        if (found.length > 0) return await this.#handOver(found);
      }
      return [];
    } finally {
      this.#isPulling = false;
      signal.removeEventListener('abort', wake);
    }
  }

  async settle(batch: readonly Settling[]): Promise<readonly Unsettled[]> {
    if (this.#isEnded) return batch.map((_, index) => ({ index, outcome: 'lost' }));
    const accepted: number[] = [];
    const others: Promise<readonly Unsettled[]>[] = [];
    batch.forEach((settlement, index) => {
      if (settlement.outcome === 'accept') accepted.push(index);
      else others.push(this.#giveBack(settlement, index));
    });
    const unsettled = accepted.length > 0 ? [await this.#each(accept, batch, accepted)] : [];
    return [...unsettled, ...(await Promise.all(others))].flat();
  }

  async extend(receipts: readonly Receipt[]): Promise<readonly Unsettled[]> {
    if (this.#isEnded) return receipts.map((_, index) => ({ index, outcome: 'lost' }));
    const { keys, ttlMs } = this.#reading;
    if (ttlMs > 0) await this.#commands.call('PEXPIRE', keys.stream, ttlMs);
    const batch = receipts.map((receipt) => ({ receipt }));
    return this.#each(
      extend,
      batch,
      batch.map((_, index) => index),
    );
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** First nothing more comes, then all that is held goes back. */
  async #close(): Promise<void> {
    if (this.#isEnded) return this.#reader.connection.close();
    this.#finish(undefined);
    await this.#reader.unblock();
    try {
      await this.#reading.part?.();
      while (
        !this.#reading.part &&
        !this.#commands.isClosed &&
        (await this.#run(leave, [group, this.#consumer])) === 1
      );
    } catch {
      // The link is lost, or the place is gone.
      this.#reading.gone.add(this.#consumer);
    }
    await this.#reader.connection.close();
  }

  /** Whoever comes next in this process takes over at once what this one held. */
  #lose(cause: unknown): void {
    if (this.#isEnded) return;
    this.#reading.gone.add(this.#consumer);
    this.#finish(cause);
    void this.#reader.connection.close();
  }

  #finish(cause: unknown): void {
    this.#isEnded = true;
    this.#timer?.cancel();
    this.#end(cause);
  }

  get #stream(): string {
    return this.#reading.keys.stream;
  }

  /** By the connection that settles. */
  #run(script: Script, args: readonly Argument[]): Promise<unknown> {
    const { stream, side } = this.#reading.keys;
    return this.#commands.run(script, [stream, side], args);
  }

  /**
   * Now and then, beside the reading, which does not wait for it: what is due is moved, which wakes whoever waits for
   * it, and what nobody holds any more is noticed.
   */
  #look(): void {
    if (this.#looking || performance.now() < this.#lookAt - 1) return;
    this.#timer?.cancel();
    this.#looking = true;
    this.#tend().then(
      () => (this.#looking = false),
      (cause: unknown) => (this.#failure = { cause }),
    );
  }

  async #tend(): Promise<void> {
    const { gone, pollMs, ttlMs } = this.#reading;
    const [told, names] = await Promise.all([
      this.#run(tend, [group, this.leaseMs, ttlMs]) as Promise<readonly [dueMs: number, idle: number]>,
      this.#presence.gone(),
    ]);
    const [dueMs, idle] = told;
    for (const name of names) gone.add(name);
    this.#isClaimable ||= idle > 0;
    const waitMs = dueMs < 0 ? pollMs : Math.min(pollMs, dueMs);
    this.#lookAt = performance.now() + waitMs;
    if (waitMs < pollMs && !this.#isEnded) this.#timer = realClock.after(waitMs, () => this.#isPulling && this.#look());
  }

  async #claim(limit: number): Promise<QueueMessage[]> {
    const { gone } = this.#reading;
    const names = [...gone];
    const args = [group, this.#consumer, this.leaseMs, Math.min(limit, mostAtOnce), this.#cursor, ...names];
    const [claimed, cursor, unsure] = (await this.#run(claim, args)) as Claimed;
    this.#cursor = cursor.toString('latin1');
    if (unsure === 0) for (const name of names) gone.delete(name);
    this.#isClaimable = this.#cursor !== '-' && claimed.length > 0;
    return claimed.map(([id, fields, count]) => this.#message({ id: id.toString('latin1'), fields }, count));
  }

  async #read(limit: number): Promise<QueueMessage[]> {
    const command = ['XREADGROUP', 'GROUP', group, this.#consumer] as const;
    const entries = await this.#reader.read(command, limit, this.#reading.pollMs, this.#stream, '>');
    return entries.map((entry) => this.#message(entry, 1));
  }

  #message(entry: Entry, count: number): QueueMessage {
    return new QueueMessage(entry, count, this.#reading.bodyField);
  }

  /** At most once they are forgotten first; one that was claimed from us meanwhile is not ours to run. */
  async #handOver(messages: readonly QueueMessage[]): Promise<readonly QueueMessage[]> {
    if (this.#options.delivery === 'at-least-once') return messages;
    const lost = await this.#each(accept, messages, [...messages.keys()]);
    const isLost = new Set(lost.map(({ index }) => index));
    return messages.filter((_, index) => !isLost.has(index));
  }

  /** One script for all of them. */
  async #each(
    script: Script,
    batch: readonly { readonly receipt: Receipt }[],
    indices: readonly number[],
  ): Promise<readonly Unsettled[]> {
    const args: Argument[] = [group, this.#consumer];
    for (const index of indices) {
      const { id, count } = batch[index]!.receipt;
      args.push(id, count);
    }
    const lost = (await this.#run(script, args)) as readonly number[];
    return lost.map((at) => ({ index: indices[at]!, outcome: 'lost' }));
  }

  async #giveBack(
    settlement: Exclude<Settling, { readonly outcome: 'accept' }>,
    index: number,
  ): Promise<readonly Unsettled[]> {
    const { id, count, failures } = settlement.receipt;
    const ours = [group, this.#consumer, id, count];
    try {
      const done =
        settlement.outcome === 'reject'
          ? await this.#run(bury, [...ours, count + failures, settlement.reason])
          : await this.#run(release, [...ours, Math.ceil(settlement.delayMs), settlement.failed ? 1 : 0]);
      return done === 1 ? [] : [{ index, outcome: 'lost' }];
    } catch (error) {
      return [{ index, outcome: 'failed', error }];
    }
  }
}

type Claimed = readonly [
  claimed: readonly (readonly [id: Buffer, fields: readonly Buffer[], count: number])[],
  cursor: Buffer,
  unsure: number,
];
