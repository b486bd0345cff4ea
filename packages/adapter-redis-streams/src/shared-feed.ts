import { realClock, type Timer } from '@waybill/core/driver';
import { type Consumer, type Counted, type Feed, messageOf, messagesOf, runFor } from './feed.ts';
import { group } from './names.ts';
import { Presence } from './presence.ts';
import { claim, leave, release, tend } from './queue-scripts.ts';
import { mostAtOnce } from './reader.ts';
import type { QueueMessage, Receipt } from './records.ts';
import { removal, type Removed } from './removal.ts';

type Tended = readonly [dueMs: number, idle: number, removed: Removed];

/** Consumers share what there is: each reads what no other has read, and claims what nobody holds any more. */
export class SharedFeed implements Feed {
  readonly #consumer: Consumer;
  readonly #presence: Presence;
  /** Where a search for ended leases goes on. */
  #cursor = '-';
  #isClaimable = false;
  #isStopped = false;
  #timer: Timer | undefined;
  #failure: { readonly cause: unknown } | undefined;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
    this.#presence = new Presence(consumer.commands, consumer.reading.keys.stream, group);
  }

  /** A read hides what was removed before it, so that is looked for first. */
  open(): Promise<void> {
    return this.#look();
  }

  async next(limit: number, signal: AbortSignal): Promise<QueueMessage[]> {
    if (this.#failure !== undefined) throw this.#failure.cause;
    if (this.#isClaimable || this.#consumer.reading.gone.size > 0) {
      const claimed = await this.#claim(limit);
      if (claimed.length > 0 || signal.aborted) return claimed;
    }
    return this.#read(limit);
  }

  async giveBack({ native, count }: Receipt, delayMs: number, failed: boolean): Promise<boolean> {
    const args = [group, this.#consumer.name, native.id, count, Math.ceil(delayMs), failed ? 1 : 0];
    return (await runFor(this.#consumer, release, args)) === 1;
  }

  async extended(): Promise<void> {
    const { commands, reading } = this.#consumer;
    if (reading.ttlMs > 0) await commands.call('PEXPIRE', reading.keys.stream, reading.ttlMs);
  }

  async leave(): Promise<void> {
    while ((await runFor(this.#consumer, leave, [group, this.#consumer.name])) === 1);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /**
   * Now and then, beside the reading, and also while nobody pulls: what is due is moved, which wakes whoever waits for
   * it, and what nobody holds any more is noticed, and what others have removed.
   */
  async #look(): Promise<void> {
    try {
      const waitMs = await this.#tend();
      if (!this.#isStopped) this.#timer = realClock.after(waitMs, () => void this.#look());
    } catch (cause) {
      this.#failure = { cause };
    }
  }

  /** Resolves with the time until the next look. */
  async #tend(): Promise<number> {
    const { leaseMs, reading } = this.#consumer;
    const { gone, pollMs, ttlMs } = reading;
    const [told, names] = await Promise.all([
      runFor(this.#consumer, tend, [group, leaseMs, ttlMs]) as Promise<Tended>,
      this.#presence.gone(),
    ]);
    const [dueMs, idle, removed] = told;
    const cause = removal(reading.keys.stream, removed);
    if (cause !== undefined) throw cause;
    for (const name of names) gone.add(name);
    this.#isClaimable ||= idle > 0;
    return dueMs < 0 ? pollMs : Math.min(pollMs, dueMs);
  }

  async #claim(limit: number): Promise<QueueMessage[]> {
    const { name, leaseMs, reading } = this.#consumer;
    const names = [...reading.gone];
    const args = [group, name, leaseMs, Math.min(limit, mostAtOnce), this.#cursor, ...names];
    const answer = await runFor(this.#consumer, claim, args);
    const [claimed, cursor, unsure] = answer as readonly [Counted, Buffer, number];
    this.#cursor = cursor.toString('latin1');
    if (unsure === 0) for (const gone of names) reading.gone.delete(gone);
    this.#isClaimable = this.#cursor !== '-' && claimed.length > 0;
    return messagesOf(this.#consumer, claimed);
  }

  async #read(limit: number): Promise<QueueMessage[]> {
    const { name, reader, reading } = this.#consumer;
    const command = ['XREADGROUP', 'GROUP', group, name] as const;
    const entries = await reader.read(command, limit, reading.pollMs, reading.keys.stream, '>');
    return entries.map((entry) => messageOf(reading, entry, 1));
  }
}
