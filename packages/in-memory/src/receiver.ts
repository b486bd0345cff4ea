import {
  type LaneOwner,
  type Receipted,
  type ReceiveOptions,
  type Settlement,
  type Unsettled,
  WaybillError,
} from '@waybill/core/driver';
import type { Alarm } from './alarms.ts';
import { Ending } from './ending.ts';
import { Held } from './held.ts';
import type { Host } from './host.ts';
import { PendingPull } from './pending-pull.ts';
import type { Queue, Waiter } from './queue.ts';
import { Delivery, type Entry } from './records.ts';

export interface ReceiverSetup {
  readonly queue: Queue;
  readonly host: Host;
  readonly style: 'lease' | 'message';
  readonly options: ReceiveOptions;
  /** Reply sources: what senders put into `replyTo`. */
  readonly address: string | undefined;
  /** Tidies up after it ended. */
  readonly onEnd: () => void;
}

const allSettled: readonly Unsettled[] = Object.freeze([]);

/** One consumer of a queue, and its only lane. */
export class QueueReceiver implements Waiter {
  readonly id = '';
  readonly style: 'lease' | 'message';
  readonly native: Queue;
  readonly leaseMs: number;
  readonly address?: string;
  readonly #host: Host;
  readonly #ending = new Ending();
  readonly #held = new Held();
  readonly #settles: boolean;
  readonly #maxInFlight: number;
  readonly #onEnd: () => void;
  #pending: PendingPull<Delivery> | undefined;
  #leaseAlarm: Alarm | undefined;

  constructor({ queue, host, style, options, address, onEnd }: ReceiverSetup) {
    this.style = style;
    this.native = queue;
    this.leaseMs = Math.max(1, options.leaseMs);
    if (address !== undefined) this.address = address;
    this.#host = host;
    this.#settles = options.delivery === 'at-least-once';
    this.#maxInFlight = this.#settles ? Math.max(1, options.maxInFlight) : Infinity;
    this.#onEnd = onEnd;
    queue.receivers.add(this);
  }

  get closed(): Promise<unknown> {
    return this.#ending.closed;
  }

  start(owner: LaneOwner<Receipted<Delivery>>): void {
    owner.granted([this]);
  }

  pull(limit: number, signal: AbortSignal): Promise<readonly Delivery[]> {
    if (!this.#host.faults.quiet) this.#host.faults.operation();
    if (this.#ending.isOver) return this.#ending.cause ? Promise.reject(this.#ending.cause) : Promise.resolve([]);
    if (signal.aborted) return Promise.resolve([]);
    const taken = this.#take(limit);
    if (taken.length > 0) return Promise.resolve(taken);
    return this.#wait(limit, signal);
  }

  settle(batch: readonly Settlement<Delivery>[]): Promise<readonly Unsettled[]> {
    if (this.#host.faults.quiet) return Promise.resolve(this.#settleAll(batch));
    return this.#whenAnswered(() => this.#settleAll(batch));
  }

  extend(receipts: readonly Delivery[]): Promise<readonly Unsettled[]> {
    if (this.#host.faults.quiet) return Promise.resolve(this.#extendAll(receipts));
    return this.#whenAnswered(() => this.#extendAll(receipts));
  }

  close(): Promise<void> {
    this.end(undefined);
    return Promise.resolve();
  }

  /** Everything held goes back to the queue, and whoever pulls hears of it. */
  end(cause: unknown): void {
    if (!this.#ending.end(cause)) return;
    this.native.receivers.delete(this);
    this.#leaveQueue();
    this.#host.agenda.cancel(this.#leaseAlarm);
    for (const delivery of this.#held.toArray()) this.#takeBack(delivery);
    if (this.#ending.cause) this.#pending?.reject(this.#ending.cause);
    else this.#pending?.resolve([]);
    this.#pending = undefined;
    this.#onEnd();
    this.#host.changed();
  }

  wake(): void {
    this.#pending?.schedule();
  }

  #take(limit: number): Delivery[] {
    const { native: queue } = this;
    const taken: Delivery[] = [];
    if (this.#host.faults.paused) return taken;
    const now = this.#host.clock.now();
    const most = Math.min(limit, this.#maxInFlight - this.#held.size, queue.shareOf(this));
    while (taken.length < most) {
      const entry = queue.take(this, this.#settles, now);
      if (!entry) break;
      taken.push(this.#lend(entry, now));
    }
    return taken;
  }

  #lend(entry: Entry, now: number): Delivery {
    const delivery = new Delivery(entry, this);
    if (!this.#settles) return delivery;
    this.#held.add(delivery);
    if (this.style === 'lease') {
      delivery.leaseEndsAt = now + this.leaseMs;
      if (!this.#leaseAlarm?.run) this.#watchLeases(this.leaseMs);
    }
    if (!this.#host.faults.quiet) this.#misbehave(delivery);
    return delivery;
  }

  /** Faults that only strike who settles: another could not tell them from a broken promise. */
  #misbehave(delivery: Delivery): void {
    const { faults, agenda } = this.#host;
    const { entry } = delivery;
    if (faults.strike('duplicate', this.native.name, entry.stored.id)) this.native.repeat(entry);
    const leaseMs =
      this.style === 'lease' ? faults.shortLeaseMs(this.leaseMs, this.native.name, entry.stored.id) : undefined;
    if (leaseMs !== undefined) agenda.after(leaseMs, () => this.#lapse(delivery));
  }

  #wait(limit: number, signal: AbortSignal): Promise<readonly Delivery[]> {
    const pending = new PendingPull<Delivery>(signal, {
      attempt: () => this.#take(limit),
      waiting: () => this.#register(),
      done: () => {
        if (this.#pending === pending) this.#pending = undefined;
        this.#leaveQueue();
        // Others may have the rest; and woken, then aborted, it would keep the wake to itself.
        if (this.native.ready > 0) this.native.wake();
      },
    });
    this.#pending = pending;
    this.#register();
    return pending.promise;
  }

  /** A consumer that holds all it may waits for its own settlements, not for the queue. */
  #register(): void {
    if (this.#host.faults.paused) void this.#host.faults.paused.then(() => this.wake());
    else if (this.#held.size < this.#maxInFlight) {
      this.native.hungry.add(this);
      this.native.waiting.add(this);
    }
  }

  #leaveQueue(): void {
    this.native.hungry.delete(this);
    this.native.waiting.delete(this);
  }

  #settleAll(batch: readonly Settlement<Delivery>[]): readonly Unsettled[] {
    let unsettled: Unsettled[] | undefined;
    const now = this.#host.clock.now();
    for (let index = 0; index < batch.length; index += 1) {
      const settlement = batch[index]!;
      const problem = this.#refusal(index, settlement);
      if (problem) (unsettled ??= []).push(problem);
      else this.#execute(settlement, now);
    }
    this.#pending?.schedule();
    return unsettled ?? allSettled;
  }

  #refusal(index: number, settlement: Settlement<Delivery>): Unsettled | undefined {
    const { receipt } = settlement;
    if (!receipt.held || receipt.holder !== this) return { index, outcome: 'lost' };
    if (settlement.outcome === 'release' && settlement.delayMs > this.#host.limits.maxReleaseDelayMs) {
      return {
        index,
        outcome: 'failed',
        error: new WaybillError(
          'invalid',
          `memory: released for ${settlement.delayMs} ms; the most is ${this.#host.limits.maxReleaseDelayMs} ms`,
        ),
      };
    }
    if (!this.#host.faults.strike('failSettle', this.native.name, receipt.id)) return undefined;
    return {
      index,
      outcome: 'failed',
      error: new WaybillError('overloaded', 'memory: the settlement failed (an injected fault)'),
    };
  }

  #execute(settlement: Settlement<Delivery>, now: number): void {
    const { receipt } = settlement;
    this.#held.remove(receipt);
    switch (settlement.outcome) {
      case 'accept':
        return this.native.accept(receipt.entry, now);
      case 'release':
        return this.native.release(receipt.entry, now, settlement.delayMs, settlement.failed);
      case 'reject':
        return this.native.reject(receipt.entry, now, settlement.reason);
    }
  }

  #extendAll(receipts: readonly Delivery[]): readonly Unsettled[] {
    const endsAt = this.#host.clock.now() + this.leaseMs;
    return receipts.flatMap((delivery, index): Unsettled[] => {
      if (!delivery.held || delivery.holder !== this) return [{ index, outcome: 'lost' }];
      this.#held.remove(delivery);
      this.#held.add(delivery);
      delivery.leaseEndsAt = endsAt;
      return [];
    });
  }

  /** One alarm for all leases: the first in line is the first to end. */
  #watchLeases(afterMs: number): void {
    this.#leaseAlarm = this.#host.agenda.after(afterMs, () => {
      const now = this.#host.clock.now();
      for (let first = this.#held.first; first && first.leaseEndsAt <= now; first = this.#held.first)
        this.#lapse(first);
      if (this.#held.first) this.#watchLeases(this.#held.first.leaseEndsAt - now);
    });
  }

  /** Where order was declared, what would overtake it has to come back too. */
  #lapse(delivery: Delivery): void {
    if (!delivery.held) return;
    for (const other of this.#held.toArray()) {
      if (other === delivery || this.native.isBehind(other.entry, delivery.entry)) this.#takeBack(other);
    }
    this.#pending?.schedule();
  }

  #takeBack(delivery: Delivery): void {
    this.#held.remove(delivery);
    this.native.giveBack(delivery.entry);
  }

  /** Waits while the broker is paused; what ends meanwhile has no effect. */
  async #whenAnswered(execute: () => readonly Unsettled[]): Promise<readonly Unsettled[]> {
    this.#host.faults.operation();
    if (this.#host.faults.paused) await Promise.race([this.#host.faults.paused, this.closed]);
    return execute();
  }
}
