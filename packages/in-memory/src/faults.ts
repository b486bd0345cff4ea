import { type Clock, WaybillError } from '@waybill/core/driver';
import { randomOf } from './random.ts';

/**
 * How often each fault strikes: a chance from 0 to 1 for every occasion.
 *
 * Only what the contract allows happens: nothing is shuffled or delayed where order was declared, and nothing is
 * handed out twice to a consumer that asked for at-most-once.
 */
export interface FaultRates {
  /** A message is stored, and its send answered as unknown. */
  readonly dropConfirm?: number;
  /** A message never arrives, and its send is answered as unknown. */
  readonly loseSend?: number;
  /** A message is refused for good, with `rejected`. */
  readonly refuseSend?: number;
  /** A message is refused for now, with `overloaded`. */
  readonly overload?: number;
  /** A message is handed out twice. */
  readonly duplicate?: number;
  /** A message becomes ready later, by up to `maxDelayMs`. */
  readonly delay?: number;
  /** A message is handed out before those in front of it. */
  readonly shuffle?: number;
  /** A lease ends early: the message is handed out again while its handler may still run. */
  readonly endLease?: number;
  /** A settlement, or a commit, is answered with a failure and has no effect; the same call may work later. */
  readonly failSettle?: number;
  /** All links are lost, before the call has an effect. */
  readonly disconnect?: number;
}
export type FaultKind = keyof FaultRates;

export interface FaultOptions extends FaultRates {
  /** The longest that `delay` adds, in milliseconds. @default 1000 */
  readonly maxDelayMs?: number;
}

/** Evidence of one fault. */
export interface InjectedFault {
  readonly fault: FaultKind | 'pause' | 'resume';
  /** Epoch milliseconds, the broker's clock. */
  readonly at: number;
  /** The queue, topic, subscription or stream. */
  readonly place?: string;
  /** The message's id. */
  readonly id?: string;
}

/** What goes wrong in a broker, by a seed or on request, and the evidence of it. */
export interface FaultControls {
  /** Every fault so far, oldest first. */
  readonly log: readonly InjectedFault[];
  /** Replaces all rates. Throws `invalid`. */
  set(rates: FaultOptions): void;
  /** The next `count` occasions for this fault have it, whatever its rate. Throws `invalid`. @default 1 */
  next(fault: FaultKind, count?: number): void;
  /** No more faults. A paused broker goes on. */
  clear(): void;
  /** All links are lost now. */
  disconnect(): void;
  /** All links are lost at the operation (send, receive, pull, settle, extend, commit, declare, ping) after so many more. */
  disconnectAfter(operations: number): void;
  /** From now on the broker answers nothing, on open links and new ones. What was asked waits until `resume`. */
  pause(): void;
  resume(): void;
}

/** The broker's side of them. */
export class Faults implements FaultControls {
  readonly #clock: Clock;
  readonly #random: Record<FaultKind, () => number>;
  readonly #cut: (cause: WaybillError) => void;
  readonly #log: InjectedFault[] = [];
  readonly #forced = new Map<FaultKind, number>();
  #rates: FaultOptions;
  #operationsLeft = Infinity;
  #resumed: Promise<void> | undefined;
  #resume: (() => void) | undefined;
  /** Nothing can strike: the fast way. */
  quiet = true;

  constructor(seed: number, rates: FaultOptions, clock: Clock, cut: (cause: WaybillError) => void) {
    this.#clock = clock;
    this.#rates = checked(rates);
    this.#cut = cut;
    this.#random = Object.fromEntries(kinds.map((kind) => [kind, randomOf(seed, kind)])) as Record<
      FaultKind,
      () => number
    >;
    this.#update();
  }

  get log(): readonly InjectedFault[] {
    return this.#log;
  }

  set(rates: FaultOptions): void {
    this.#rates = checked(rates);
    this.#update();
  }

  next(fault: FaultKind, count = 1): void {
    if (!kinds.includes(fault))
      throw new WaybillError('invalid', `faults: there is no "${fault}"; there are ${kinds.join(', ')}`);
    this.#forced.set(fault, (this.#forced.get(fault) ?? 0) + count);
    this.#update();
  }

  clear(): void {
    this.#rates = {};
    this.#forced.clear();
    this.#operationsLeft = Infinity;
    this.resume();
    this.#update();
  }

  disconnect(): void {
    this.#record('disconnect');
    this.#cut(
      new WaybillError('unavailable', 'memory: the connection was lost (an injected fault)', { broker: 'memory' }),
    );
  }

  disconnectAfter(operations: number): void {
    this.#operationsLeft = operations;
    this.#update();
  }

  pause(): void {
    if (this.#resumed) return;
    this.#resumed = new Promise((resolve) => (this.#resume = resolve));
    this.#record('pause');
    this.#update();
  }

  resume(): void {
    if (!this.#resumed) return;
    this.#record('resume');
    this.#resumed = undefined;
    this.#update();
    this.#resume?.();
  }

  /** While paused: resolves when it goes on. */
  get paused(): Promise<void> | undefined {
    return this.#resumed;
  }

  /** Counts an operation; it may cost the links. */
  operation(): void {
    this.#operationsLeft -= 1;
    if (this.#operationsLeft >= 0 && !this.#strikes('disconnect')) return;
    this.#operationsLeft = Infinity;
    this.#update();
    this.disconnect();
  }

  /** Whether this fault strikes on this occasion. If so it is in the log. */
  strike(fault: FaultKind, place: string, id?: string): boolean {
    if (this.quiet || !this.#strikes(fault)) return false;
    this.#record(fault, place, id);
    return true;
  }

  /** How much later a message becomes ready. */
  delayMs(place: string, id: string): number {
    if (!this.strike('delay', place, id)) return 0;
    return 1 + Math.floor(this.#random.delay() * (this.#rates.maxDelayMs ?? 1000));
  }

  /** How much of a lease a message gets; `undefined` for all of it. */
  shortLeaseMs(leaseMs: number, place: string, id: string): number | undefined {
    return this.strike('endLease', place, id) ? Math.floor(this.#random.endLease() * leaseMs) : undefined;
  }

  /** Which of so many waiting messages goes first. */
  pick(size: number, place: string): number {
    if (this.quiet || size < 2 || !this.strike('shuffle', place)) return 0;
    return Math.floor(this.#random.shuffle() * size);
  }

  #strikes(fault: FaultKind): boolean {
    const forced = this.#forced.get(fault) ?? 0;
    if (forced === 0) return this.#random[fault]() < (this.#rates[fault] ?? 0);
    if (forced > 1) this.#forced.set(fault, forced - 1);
    else this.#forced.delete(fault);
    this.#update();
    return true;
  }

  #record(fault: InjectedFault['fault'], place?: string, id?: string): void {
    this.#log.push({
      fault,
      at: this.#clock.now(),
      ...(place !== undefined && { place }),
      ...(id !== undefined && { id }),
    });
  }

  #update(): void {
    const none = kinds.every((kind) => (this.#rates[kind] ?? 0) === 0) && this.#forced.size === 0;
    this.quiet = none && this.#operationsLeft === Infinity && this.#resumed === undefined;
  }
}

const kinds: readonly FaultKind[] = [
  'dropConfirm',
  'loseSend',
  'refuseSend',
  'overload',
  'duplicate',
  'delay',
  'shuffle',
  'endLease',
  'failSettle',
  'disconnect',
];

function checked(rates: FaultOptions): FaultOptions {
  for (const [name, value] of Object.entries(rates)) {
    const isKnown = name === 'maxDelayMs' || kinds.some((kind) => kind === name);
    if (!isKnown)
      throw new WaybillError('invalid', `faults: there is no "${name}"; there are ${kinds.join(', ')} and maxDelayMs`);
    const most = name === 'maxDelayMs' ? Infinity : 1;
    if (typeof value !== 'number' || !(value >= 0 && value <= most)) {
      throw new WaybillError(
        'invalid',
        `faults: ${name} is ${String(value)}; give ${most === 1 ? 'a chance from 0 to 1' : 'milliseconds, 0 or more'}`,
      );
    }
  }
  return { ...rates };
}
