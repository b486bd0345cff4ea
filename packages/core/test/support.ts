import { type BrokerOptions, MemoryBroker, virtualClock, type VirtualClock } from '@waybill/in-memory';
import { expect, onTestFinished } from 'vitest';
import type { Carried } from '../src/plan/check.ts';
import { type Driver, type Link, type Outgoing, type Receiver, realClock } from '../src/driver/index.ts';
import {
  type Bus,
  type BusEvent,
  type BusOptions,
  type Clock,
  connect,
  type Delivery,
  type Destinations,
} from '../src/index.ts';
import { type Less, lowered } from './lowered.ts';

/** A bus on a memory broker, both on one virtual clock. */
export interface Bench<T> {
  readonly broker: MemoryBroker;
  readonly clock: VirtualClock;
  readonly bus: Bus<T>;
  readonly driver: Driver;
  /** Every event so far. */
  readonly events: readonly BusEvent[];
  /** Timers of the bus alone, without the broker's. */
  readonly timers: () => number;
  /** The promise, once the clock was turned far enough for it. */
  readonly during: <R>(promise: Promise<R>, ms?: number) => Promise<R>;
}
export interface BenchOptions {
  readonly bus?: Omit<BusOptions, 'clock'>;
  readonly broker?: Omit<BrokerOptions, 'clock'>;
  readonly less?: Less;
  /** Around the driver, outermost. */
  readonly wrap?: (driver: Driver) => Driver;
}

/** Closed at the end of the test, which fails if core broke a rule for drivers meanwhile. */
export async function bench<T extends Destinations>(
  destinations: T & { readonly [Name in keyof T]: Carried<Driver, T[Name]> },
  options: BenchOptions = {},
): Promise<Bench<T>> {
  const clock = virtualClock();
  const broker = new MemoryBroker({ clock, ...options.broker });
  const { driver: watched, breaches } = lowered(broker.driver(), options.less);
  const driver = options.wrap?.(watched) ?? watched;
  const counted = countedClock(clock);
  const events: BusEvent[] = [];
  const observe = (event: BusEvent): void => void events.push(event);
  const during = <R>(promise: Promise<R>, ms = 60_000): Promise<R> => turnUntil(clock, promise, ms);
  const connecting = connect<Driver, T>(driver, destinations, { observe, ...options.bus, clock: counted });
  const bus = await during(connecting);
  onTestFinished(async () => {
    broker.faults.clear();
    await during(bus.close());
    expect(breaches).toEqual([]);
  });
  return { broker, clock, bus, driver, events, timers: () => counted.waiting, during };
}

/** Turns the clock, 100 ms at a time, until the promise has settled. */
export async function turnUntil<R>(clock: VirtualClock, promise: Promise<R>, ms = 60_000): Promise<R> {
  const state = { settled: false };
  const settle = (): void => void (state.settled = true);
  promise.then(settle, settle);
  for (let gone = 0; !state.settled && gone <= ms; gone += 100) await clock.advance(gone === 0 ? 0 : 100);
  if (!state.settled) throw new Error(`not settled after ${ms} ms by the virtual clock`);
  return promise;
}

/** A clock that knows how many of the timers made through it still wait. */
export function countedClock(clock: Clock): Clock & { readonly waiting: number } {
  const waiting = new Set<object>();
  return {
    get waiting() {
      return waiting.size;
    },
    now: () => clock.now(),
    after(ms, run) {
      const timer = clock.after(ms, () => {
        waiting.delete(timer);
        run();
      });
      waiting.add(timer);
      return {
        cancel() {
          waiting.delete(timer);
          timer.cancel();
        },
      };
    },
  };
}

/** A promise and its handle. */
export interface Gate<T = void> {
  readonly promise: Promise<T>;
  readonly open: (value: T) => void;
  readonly fail: (error: unknown) => void;
}
export function gate<T = void>(): Gate<T> {
  let open!: (value: T) => void;
  let fail!: (error: unknown) => void;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** Resolves when the condition holds; for what happens by real time. */
export async function until(condition: () => boolean, withinMs = 5000): Promise<void> {
  const deadline = realClock.now() + withinMs;
  while (!condition()) {
    if (realClock.now() > deadline) throw new Error(`the condition did not come true within ${withinMs} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What a promise that must reject rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('value' in outcome) throw new Error('it resolved, and should have rejected');
  if (outcome.error instanceof Error) return outcome.error;
  throw new Error(`it rejected with what is no error: ${typeof outcome.error}`);
}
/** What a call that must throw throws. */
export function thrown(call: () => unknown): Error & { readonly code?: string } {
  try {
    call();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('it did not throw an error');
}

/** A link of one's own to the broker, as a foreign producer has. */
export const rawLink = (broker: MemoryBroker): Promise<Link> =>
  broker.driver().connect({ signal: new AbortController().signal, onBlocked: () => {} });

/** A message as somebody else would send it. */
export const foreign = (body: string | Uint8Array | null, more: Partial<Outgoing> = {}): Outgoing => {
  foreignSends++;
  return {
    id: `foreign-${foreignSends}`,
    sendId: `foreign-${foreignSends}`,
    body: typeof body === 'string' ? Buffer.from(body) : body,
    contentType: 'application/json',
    sentAt: 0,
    headers: {},
    ...more,
  };
};
let foreignSends = 0;

export const valuesOf = <T>(deliveries: readonly Delivery<T>[]): T[] => deliveries.map(({ value }) => value);

/** A link that only passes on; to be spread, and changed in part. */
export function delegated(link: Link): Link {
  const declare = link.declare?.bind(link);
  return {
    native: link.native,
    capabilities: link.capabilities,
    closed: link.closed,
    send: (target, batch) => link.send(target, batch),
    receive: (source, options) => link.receive(source, options),
    ping: (signal) => link.ping(signal),
    close: () => link.close(),
    ...(declare && { declare }),
    ...(link.admin && { admin: link.admin }),
  };
}

/** The driver, with receivers that a test has changed. */
export const throughReceivers =
  (change: (receiver: Receiver) => Receiver) =>
  (inner: Driver): Driver => ({
    ...inner,
    connect: async (options) => {
      const link = await inner.connect(options);
      return { ...delegated(link), receive: async (source, more) => change(await link.receive(source, more)) };
    },
  });
