import { Dedup } from './dedup.ts';
import { Journal } from './journal.ts';
import type { Host } from './host.ts';
import { Keyed } from './keyed.ts';
import { Levels, type Ready } from './ready.ts';
import type { Entry, Stored } from './records.ts';

export interface QueueSettings {
  readonly order: 'none' | 'key' | 'total';
  readonly priority: boolean;
  /** Where what is rejected or expires goes. */
  readonly deadLetter: string | undefined;
}

/** How a message wants to be kept. Milliseconds. */
export interface Keeping {
  readonly delayMs?: number | undefined;
  readonly ttlMs?: number | undefined;
  readonly priority?: number | undefined;
}

/** What became of a message, for tests to look at. */
export interface SettledMessage {
  readonly outcome: 'accept' | 'release' | 'reject' | 'expire';
  readonly id: string;
  /** The delivery it was, from 1. */
  readonly attempt: number;
  /** Epoch milliseconds, the broker's clock. */
  readonly at: number;
  /** Why it was rejected. */
  readonly reason?: string;
  /** For how long it was released. */
  readonly delayMs?: number;
}

/** A consumer of a queue, as the queue sees it. */
export interface Waiter {
  /** There is something to take. Called once for each time it began to wait. */
  wake(): void;
  /** The queue is gone. */
  end(cause: unknown): void;
}

/** One line of messages and who takes from it: a queue, a subscription, an inbox. */
export class Queue {
  readonly name: string;
  readonly settings: QueueSettings;
  readonly dedup: Dedup;
  readonly sent: Journal<Stored>;
  readonly settled: Journal<SettledMessage>;
  readonly receivers = new Set<Waiter>();
  /** Those whose pull found nothing, and the ones among them that were not woken since. */
  readonly hungry = new Set<Waiter>();
  readonly waiting = new Set<Waiter>();
  readonly #host: Host;
  readonly #ready: Ready;
  readonly #delayed = new Set<Entry>();
  #places = 0;
  #readyCount = 0;
  #inFlight = 0;

  constructor(name: string, settings: QueueSettings, host: Host) {
    this.name = name;
    this.settings = settings;
    this.#host = host;
    this.dedup = new Dedup(host.dedup);
    this.sent = new Journal(host.history);
    this.settled = new Journal(host.history);
    this.#ready =
      settings.order === 'none' ? new Levels((size) => host.faults.pick(size, name)) : new Keyed(settings.order);
  }

  get order(): 'none' | 'key' | 'total' {
    return this.settings.order;
  }
  get ready(): number {
    return this.#readyCount;
  }
  get inFlight(): number {
    return this.#inFlight;
  }
  get delayed(): number {
    return this.#delayed.size;
  }

  /** Nothing moves here: what is ready has nobody to take it. */
  get isIdle(): boolean {
    return this.#inFlight === 0 && this.delayed === 0 && (this.#readyCount === 0 || this.receivers.size === 0);
  }

  /** Where several are hungry none takes what the others could run, but for total order, which has one holder. */
  shareOf(waiter: Waiter): number {
    const rivals = this.hungry.size - (this.hungry.has(waiter) ? 1 : 0);
    return rivals === 0 || this.settings.order === 'total' ? Infinity : Math.ceil(this.#readyCount / (rivals + 1));
  }

  put(stored: Stored, { delayMs = 0, ttlMs = Infinity, priority = 0 }: Keeping): undefined {
    const entry: Entry = {
      stored,
      place: 0,
      priority: this.settings.priority ? priority : 0,
      expiresAt: stored.storedAt + ttlMs,
      failures: 0,
      deliveries: 0,
      state: 'delayed',
      alarm: undefined,
    };
    this.sent.add(stored);
    const waitMs = delayMs + this.#faultyDelayMs(stored);
    if (waitMs > 0) this.#postpone(entry, waitMs, () => this.#append(entry));
    else this.#append(entry);
  }

  /** The next message for this holder, or nothing. `locks`: it is going to be settled; otherwise it is forgotten now. */
  take(holder: object, locks: boolean, now: number): Entry | undefined {
    for (let entry = this.#ready.take(holder, locks); entry; entry = this.#ready.take(holder, locks)) {
      this.#readyCount -= 1;
      entry.state = 'out';
      if (locks) this.#inFlight += 1;
      else this.#forget(entry);
      if (entry.expiresAt > now) {
        entry.failures += 1;
        entry.deliveries += 1;
        return entry;
      }
      if (locks) this.#leaveFlight(entry);
      this.#expire(entry);
    }
    return undefined;
  }

  accept(entry: Entry, now: number): void {
    this.#leaveFlight(entry);
    this.#forget(entry);
    this.settled.add({ outcome: 'accept', id: entry.stored.id, attempt: entry.failures, at: now });
  }

  reject(entry: Entry, now: number, reason: string): void {
    this.#leaveFlight(entry);
    this.#forget(entry);
    this.settled.add({ outcome: 'reject', id: entry.stored.id, attempt: entry.failures, at: now, reason });
    this.#host.bury(this.settings.deadLetter, entry, this.name, reason);
  }

  /** A consumer gives it back. `failed`: its run counts. */
  release(entry: Entry, now: number, delayMs: number, failed: boolean): void {
    this.settled.add({ outcome: 'release', id: entry.stored.id, attempt: entry.failures, at: now, delayMs });
    if (!failed) entry.failures -= 1;
    this.giveBack(entry, delayMs);
  }

  /** It is no longer held by who took it: it keeps its place and comes again. */
  giveBack(entry: Entry, delayMs = 0): void {
    this.#leaveFlight(entry);
    if (this.#isExpired(entry)) this.#expire(entry);
    else if (delayMs > 0) this.#postpone(entry, delayMs, () => this.#return(entry));
    else this.#return(entry);
  }

  /** The same message once more, right behind the one that was just taken: an injected fault. */
  repeat(entry: Entry): void {
    this.#return({ ...entry, state: 'delayed', alarm: undefined });
  }

  isBehind(other: Entry, entry: Entry): boolean {
    return this.#ready.isBehind(other, entry);
  }

  wake(): void {
    for (const waiter of this.waiting) {
      this.waiting.delete(waiter);
      waiter.wake();
      if (!this.#ready.wakesAll) return;
    }
  }

  messages(): Stored[] {
    return this.#ready.toArray().map((entry) => entry.stored);
  }

  /** Everything ready or delayed is dropped; what is in flight stays with its holder. */
  purge(): void {
    const ready = this.#ready.toArray();
    for (const entry of [...ready, ...this.#delayed]) this.#forget(entry);
    for (const entry of ready) this.#ready.tidy(entry);
    this.#delayed.clear();
    this.#readyCount = 0;
    this.#host.changed();
  }

  remove(cause: unknown): void {
    this.purge();
    for (const receiver of [...this.receivers]) receiver.end(cause);
  }

  #append(entry: Entry): void {
    if (this.#isExpired(entry)) return this.#expire(entry);
    entry.place = this.#places++;
    entry.state = 'ready';
    this.#ready.append(entry);
    this.#becameReady(entry);
  }

  #return(entry: Entry): void {
    if (this.#isExpired(entry)) return this.#expire(entry);
    entry.state = 'ready';
    this.#ready.giveBack(entry);
    this.#becameReady(entry);
  }

  #becameReady(entry: Entry): void {
    this.#readyCount += 1;
    if (entry.expiresAt !== Infinity && !entry.alarm?.run) {
      entry.alarm = this.#host.agenda.after(entry.expiresAt - this.#host.clock.now(), () => this.#expireIfReady(entry));
    }
    if (this.waiting.size > 0) this.wake();
    this.#host.changed();
  }

  #postpone(entry: Entry, waitMs: number, then: () => void): void {
    this.#host.agenda.cancel(entry.alarm);
    entry.state = 'delayed';
    this.#delayed.add(entry);
    entry.alarm = this.#host.agenda.after(waitMs, () => {
      this.#delayed.delete(entry);
      then();
    });
    this.#host.changed();
  }

  #leaveFlight(entry: Entry): void {
    this.#inFlight -= 1;
    this.#ready.unlock(entry);
    if (this.#ready.wakesAll && this.waiting.size > 0) this.wake();
    this.#host.changed();
  }

  #isExpired({ expiresAt }: Entry): boolean {
    return expiresAt !== Infinity && expiresAt <= this.#host.clock.now();
  }

  #expireIfReady(entry: Entry): void {
    if (entry.state !== 'ready') return;
    this.#readyCount -= 1;
    this.#expire(entry);
    this.#ready.tidy(entry);
  }

  #expire(entry: Entry): void {
    this.#forget(entry);
    this.settled.add({ outcome: 'expire', id: entry.stored.id, attempt: entry.failures, at: this.#host.clock.now() });
    this.#host.bury(this.settings.deadLetter, entry, this.name, 'expired');
    this.#host.changed();
  }

  #forget(entry: Entry): void {
    entry.state = 'gone';
    if (entry.alarm) this.#host.agenda.cancel(entry.alarm);
  }

  #faultyDelayMs(stored: Stored): number {
    if (this.#host.faults.quiet || this.settings.order !== 'none') return 0;
    return this.#host.faults.delayMs(this.name, stored.id);
  }
}
