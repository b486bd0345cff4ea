import type { Delivery, Received } from '@waybill/core';
import type { Context } from './context.ts';

/** What every case sends unless it is about payloads: two messages are never alike, so no loss hides a duplicate. */
export interface Job {
  readonly id: string;
  readonly n: number;
}

/** One run of a handler, as it saw its message. Times are of `performance.now()`. */
export interface Taken<T> {
  /** 1 for the first run of this inbox. */
  readonly nth: number;
  readonly value: T;
  readonly id: string | undefined;
  readonly key: string | undefined;
  readonly attempt: number;
  readonly redelivered: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly at: number;
  /** When the handler was done; absent while it runs. */
  endedAt?: number;
  readonly delivery: Delivery<T>;
}

export interface InboxOptions<T> {
  /** What the handler does after the message was recorded. @default nothing, so it is accepted */
  readonly handle?: (value: T, taken: Taken<T>) => unknown;
  /** Identity of a value. @default its `id` */
  readonly idOf?: (value: T) => string;
}

/** A handler that records everything, duplicates included, and judges afterwards. */
export interface Inbox<T> {
  readonly handler: (value: T, delivery: Delivery<T>) => Promise<void>;
  /** Every run, oldest first. */
  readonly taken: readonly Taken<T>[];
  readonly ids: readonly string[];
  /** The most handlers that ever ran at once. */
  readonly highWater: number;
  /** Waits for so many runs. */
  readonly atLeast: (count: number) => Promise<void>;
  /** Waits for as many as expected, then through a quiet time for late duplicates, then compares the multisets. */
  readonly complete: (expected: readonly { readonly id: string }[], message: string) => Promise<void>;
  /** Stays as it is through a quiet time. */
  readonly staysAt: (count: number, message: string) => Promise<void>;
}

const idOfJob = (value: unknown): string => (value as Partial<Job> | null)?.id ?? JSON.stringify(value);

type Judging = Pick<Context, 'expect' | 'until' | 'quiet' | 'saw'>;

export function makeInbox<T>(context: Judging, options: InboxOptions<T> = {}): Inbox<T> {
  const { handle, idOf = idOfJob } = options;
  const taken: Taken<T>[] = [];
  let running = 0;
  let highWater = 0;
  const ids = (): string[] => taken.map(({ value }) => idOf(value));
  return {
    taken,
    get ids() {
      return ids();
    },
    get highWater() {
      return highWater;
    },
    async handler(value, delivery) {
      context.saw(1);
      running += 1;
      highWater = Math.max(highWater, running);
      const one = take(value, delivery, taken.length + 1);
      taken.push(one);
      try {
        await handle?.(value, one);
      } finally {
        one.endedAt = performance.now();
        running -= 1;
      }
    },
    ...judgements(context, taken, ids),
  };
}

function judgements(
  { expect, until, quiet }: Judging,
  taken: readonly unknown[],
  ids: () => string[],
): Pick<Inbox<unknown>, 'atLeast' | 'complete' | 'staysAt'> {
  const atLeast = (count: number): Promise<void> =>
    until(`${count} messages in the handler (${taken.length} when the wait began)`, () => taken.length >= count);
  return {
    atLeast,
    async complete(expected, message) {
      // What is missing when the wait is over is named by the comparison, better than by the wait.
      await atLeast(expected.length).catch(() => undefined);
      await quiet();
      const wanted = expected.map(({ id }) => id);
      expect.sameMembers(ids(), wanted, message);
    },
    async staysAt(count, message) {
      await quiet();
      expect.equal(taken.length, count, message);
    },
  };
}

const take = <T>(value: T, delivery: Delivery<T>, nth: number): Taken<T> => ({
  nth,
  value,
  ...pick(delivery),
  attempt: delivery.attempt,
  redelivered: delivery.redelivered,
  at: performance.now(),
  delivery,
});

const pick = ({ id, key, headers }: Received): Pick<Taken<unknown>, 'id' | 'key' | 'headers'> => ({ id, key, headers });
