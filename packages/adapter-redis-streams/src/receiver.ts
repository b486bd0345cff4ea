import { randomUUID } from 'node:crypto';
import type {
  Lane,
  LaneOwner,
  LeaseReceiver,
  Receipted,
  ReceiveOptions,
  Settlement,
  Unsettled,
} from '@waybill/core/driver';
import type { Redis } from 'ioredis';
import type { Argument, Connection } from './connection.ts';
import { type Consumer, type Feed, type Reading, runFor } from './feed.ts';
import { compareIds } from './ids.ts';
import { group } from './names.ts';
import { OrderedFeed } from './ordered-feed.ts';
import { introduce } from './presence.ts';
import type { Reader } from './reader.ts';
import type { QueueMessage, Receipt } from './records.ts';
import { accept, bury, extend } from './queue-scripts.ts';
import type { Script } from './scripts.ts';
import { SharedFeed } from './shared-feed.ts';

type Settling = Settlement<Receipt>;
type Held = Pick<Settling, 'receipt'>;
type Refusal = Exclude<Settling, { readonly outcome: 'accept' }>;

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
  readonly #consumer: Consumer;
  readonly #feed: Feed;
  readonly #isForgotten: boolean;
  #pulling: Promise<unknown> = Promise.resolve();
  #isEnded = false;
  #end!: (cause: unknown) => void;
  #closing: Promise<void> | undefined;

  /** `lost` is the link's end. */
  constructor(consumer: Consumer, feed: Feed, options: ReceiveOptions, lost: Promise<unknown>) {
    const { connection } = consumer.reader;
    this.native = connection.client;
    this.leaseMs = consumer.leaseMs;
    this.#consumer = consumer;
    this.#feed = feed;
    this.#isForgotten = options.delivery === 'at-most-once';
    this.closed = new Promise((resolve) => (this.#end = resolve));
    for (const end of [lost, connection.closed]) void end.then((cause) => this.#lose(cause));
  }

  start(owner: LaneOwner<Receipted<Receipt>>): void {
    owner.granted([this]);
  }

  pull(limit: number, signal: AbortSignal): Promise<readonly Receipted<Receipt>[]> {
    const pulling = this.#pull(limit, signal);
    this.#pulling = pulling.catch(() => undefined);
    return pulling;
  }

  async #pull(limit: number, signal: AbortSignal): Promise<readonly QueueMessage[]> {
    const wake = (): void => void this.#consumer.reader.unblock();
    signal.addEventListener('abort', wake, { once: true });
    try {
      while (!signal.aborted && !this.#isEnded) {
        const found = await this.#feed.next(limit, signal);
        if (found.length > 0) return this.#isForgotten ? await this.#forget(found) : found;
      }
      return [];
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  async settle(batch: readonly Settling[]): Promise<readonly Unsettled[]> {
    if (this.#isEnded) return allLost(batch);
    const accepted: number[] = [];
    const others: Promise<readonly Unsettled[]>[] = [];
    batch.forEach((settlement, index) => {
      if (settlement.outcome === 'accept') accepted.push(index);
      else others.push(this.#refuse(settlement, index));
    });
    const unsettled = accepted.length > 0 ? await this.#accept(batch, accepted) : [];
    return others.length === 0 ? unsettled : [unsettled, ...(await Promise.all(others))].flat();
  }

  async extend(receipts: readonly Receipt[]): Promise<readonly Unsettled[]> {
    if (this.#isEnded) return allLost(receipts);
    const batch = receipts.map((receipt) => ({ receipt }));
    const [unsettled] = await Promise.all([this.#each(extend, batch, [...batch.keys()], []), this.#feed.extended()]);
    return unsettled;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** First nothing more comes, then all that is held goes back. */
  async #close(): Promise<void> {
    const { reader, reading, name } = this.#consumer;
    if (this.#isEnded) return reader.connection.close();
    this.#finish(undefined);
    await reader.unblock();
    await this.#pulling;
    try {
      await (reading.part?.() ?? this.#feed.leave());
    } catch {
      // The link is lost, or the place is gone.
      reading.gone.add(name);
    }
    await reader.connection.close();
  }

  /** Whoever comes next in this process takes over at once what this one held. */
  #lose(cause: unknown): void {
    if (this.#isEnded) return;
    const { reader, reading, name } = this.#consumer;
    reading.gone.add(name);
    this.#finish(cause);
    void reader.connection.close();
  }

  #finish(cause: unknown): void {
    this.#isEnded = true;
    this.#feed.stop();
    this.#end(cause);
  }

  /** At most once they are forgotten before they are run; one that was claimed from us meanwhile is not ours to run. */
  async #forget(messages: readonly QueueMessage[]): Promise<readonly QueueMessage[]> {
    const lost = await this.#accept(messages, [...messages.keys()]);
    const isLost = new Set(lost.map(({ index }) => index));
    return messages.filter((_, index) => !isLost.has(index));
  }

  #accept(batch: readonly Held[], indices: number[]): Promise<readonly Unsettled[]> {
    return this.#each(accept, batch, indices, [this.#consumer.reading.keys.isOurs ? 1 : 0]);
  }

  /** One script for all of them, in order of the stream. */
  async #each(
    script: Script,
    batch: readonly Held[],
    indices: number[],
    more: readonly Argument[],
  ): Promise<readonly Unsettled[]> {
    const receiptOf = (index: number): Receipt => batch[index]!.receipt;
    indices.sort((one, other) => compareIds(receiptOf(one).native.id, receiptOf(other).native.id));
    const ids = JSON.stringify(indices.map((index) => receiptOf(index).native.id));
    const counts = JSON.stringify(indices.map((index) => receiptOf(index).count));
    const lost = await runFor(this.#consumer, script, [group, this.#consumer.name, ids, counts, ...more]);
    return (lost as readonly number[]).map((at) => ({ index: indices[at]!, outcome: 'lost' }));
  }

  async #refuse(settlement: Refusal, index: number): Promise<readonly Unsettled[]> {
    try {
      const isOurs =
        settlement.outcome === 'reject'
          ? await this.#bury(settlement.receipt, settlement.reason)
          : await this.#feed.giveBack(settlement.receipt, settlement.delayMs, settlement.failed);
      return isOurs ? [] : [{ index, outcome: 'lost' }];
    } catch (error) {
      return [{ index, outcome: 'failed', error }];
    }
  }

  async #bury({ native, count, failures }: Receipt, reason: string): Promise<boolean> {
    const args = [group, this.#consumer.name, native.id, count, count + failures, reason];
    return (await runFor(this.#consumer, bury, args)) === 1;
  }
}

const allLost = (batch: readonly unknown[]): readonly Unsettled[] =>
  batch.map((_, index) => ({ index, outcome: 'lost' }));

/** Rejects when there is nothing to read from; what was opened for it is closed then. */
export async function openReceiver(
  reader: Reader,
  commands: Connection,
  reading: Reading,
  isOrdered: boolean,
  options: ReceiveOptions,
  lost: Promise<unknown>,
): Promise<QueueReceiver> {
  const leaseMs = Math.ceil(options.leaseMs);
  let feed: Feed | undefined;
  try {
    const name = await introduce(reader.connection, randomUUID(), reader.clientId, leaseMs);
    const consumer = { name, leaseMs, reader, commands, reading };
    feed = isOrdered ? new OrderedFeed(consumer) : new SharedFeed(consumer);
    await Promise.all([commands.call('XGROUP', 'CREATECONSUMER', reading.keys.stream, group, name), feed.open()]);
    return new QueueReceiver(consumer, feed, options, lost);
  } catch (error) {
    feed?.stop();
    void reader.connection.close();
    throw error;
  }
}
