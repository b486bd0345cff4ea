import { WaybillError } from '@waybill/core/driver';
import { type Consumer, type Counted, type Feed, messagesOf, runFor } from './feed.ts';
import { group } from './names.ts';
import { Presence } from './presence.ts';
import { mostAtOnce } from './reader.ts';
import type { QueueMessage, Receipt } from './records.ts';
import { removal, type Removed } from './removal.ts';
import { again, renew, resign, take } from './order-scripts.ts';

type Taken =
  | readonly [state: -1 | 0]
  | readonly [state: 1, found: Counted, cursor: Buffer, through: Buffer, removed: Removed];

/** A delivery that was given back: it keeps its place in the stream and comes again. */
interface Returned {
  readonly id: string;
  readonly count: number;
  readonly nextCount: number;
  readonly dueAt: number;
}

/**
 * One consumer at a time: the owner of the place. Ownership and reading are one script, so that a former owner reads
 * nothing; others wait for their turn. Nothing is added again, so everything keeps the place that it was sent to.
 */
export class OrderedFeed implements Feed {
  readonly #consumer: Consumer;
  readonly #presence: Presence;
  #isOwner = false;
  /** Where reading on in what was held before goes on; empty when that is done. */
  #cursor = '-';
  #returned: Returned[] = [];
  /** What came with it is handed out first. */
  #failure: WaybillError | undefined;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
    this.#presence = new Presence(consumer.commands, consumer.reading.keys.stream, group);
  }

  async open(): Promise<void> {}

  async next(limit: number, signal: AbortSignal): Promise<QueueMessage[]> {
    if (this.#failure !== undefined) throw this.#failure;
    const most = Math.min(limit, mostAtOnce);
    const returned = await this.#again(most);
    if (returned.length > 0) return returned;
    if (!this.#isOwner) await this.#whoIsGone();
    const taken = await this.#take(most);
    if (taken[0] !== 1) {
      if (taken[0] === -1) throw new WaybillError('lease-lost', 'Another consumer has become the owner of this place');
      if (!signal.aborted) await this.#waitForTurn();
      return [];
    }
    const [, found, , through, removed] = taken;
    this.#failure = removal(this.#consumer.reading.keys.stream, removed);
    if (this.#failure !== undefined) return messagesOf(this.#consumer, found);
    if (found.length === 0 && !signal.aborted) await this.#waitForMore(through.toString('latin1'));
    return messagesOf(this.#consumer, found);
  }

  async giveBack({ native, count }: Receipt, delayMs: number, failed: boolean): Promise<boolean> {
    const dueAt = performance.now() + delayMs;
    this.#returned.push({ id: native.id, count, nextCount: failed ? count + 1 : count, dueAt });
    return true;
  }

  async extended(): Promise<void> {
    const { name, leaseMs, commands, reading } = this.#consumer;
    await runFor(this.#consumer, renew, [name, leaseMs]);
    if (reading.ttlMs > 0) await commands.call('PEXPIRE', reading.keys.stream, reading.ttlMs);
  }

  async leave(): Promise<void> {
    await runFor(this.#consumer, resign, [group, this.#consumer.name]);
  }

  stop(): void {
    this.#returned = [];
  }

  async #take(limit: number): Promise<Taken> {
    const { name, leaseMs, reading } = this.#consumer;
    const gone = [...reading.gone];
    const args = [group, name, leaseMs, reading.ttlMs, this.#isOwner ? 1 : 0, limit, this.#cursor, ...gone];
    const taken = (await runFor(this.#consumer, take, args)) as Taken;
    if (taken[0] !== 1) return taken;
    this.#isOwner = true;
    this.#cursor = taken[2].toString('latin1');
    for (const name of gone) reading.gone.delete(name);
    return taken;
  }

  async #again(limit: number): Promise<QueueMessage[]> {
    const now = performance.now();
    const due = this.#returned.filter(({ dueAt }) => dueAt <= now).slice(0, limit);
    if (due.length === 0) return [];
    this.#returned = this.#returned.filter((one) => !due.includes(one));
    const args = due.flatMap(({ id, count, nextCount }) => [id, count, nextCount]);
    const found = (await runFor(this.#consumer, again, [group, this.#consumer.name, ...args])) as Counted;
    return messagesOf(this.#consumer, found);
  }

  async #whoIsGone(): Promise<void> {
    for (const name of await this.#presence.gone()) this.#consumer.reading.gone.add(name);
  }

  /** Only a sign that there is more: what is read here is read again, by who owns it then. */
  async #waitForMore(through: string): Promise<void> {
    const { reader, reading } = this.#consumer;
    const dueMs = Math.min(...this.#returned.map(({ dueAt }) => dueAt - performance.now()));
    await reader.read(['XREAD'], 1, Math.min(reading.pollMs, dueMs), reading.keys.stream, through);
  }

  /** An owner that leaves calls one of those who wait; the others look again in a while. */
  async #waitForTurn(): Promise<void> {
    const { reader, reading } = this.#consumer;
    await reader.wait('BLPOP', `${reading.keys.side}:turn`, reading.pollMs / 1000);
  }
}
