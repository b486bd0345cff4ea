import {
  type DestinationOptions,
  type Queue,
  queue,
  type Stream,
  stream,
  type StreamOptions,
  type Topic,
  topic,
  type,
} from '@waybill/core';
import type { Context } from '../context.ts';
import type { Job } from '../inbox.ts';

/** Tried again at once: a case about something else must not wait, nor need places to wait in. */
export const atOnce = { attempts: 5, backoff: () => 0 };

export const jobQueue = (context: Context, part = 'jobs', options: DestinationOptions<Job> = {}): Queue<Job> =>
  queue(context.name(part), { schema: type<Job>(), retry: atOnce, ...options });

export const jobTopic = (context: Context, part = 'news', options: DestinationOptions<Job> = {}): Topic<Job> =>
  topic(context.name(part), { schema: type<Job>(), retry: atOnce, ...options });

/** One key, unless told otherwise: where order goes by key, all records stand in one lane. */
export const jobStream = (context: Context, part = 'log', options: StreamOptions<Job> = {}): Stream<Job> =>
  stream(context.name(part), { schema: type<Job>(), retry: atOnce, key: () => 'key', ...options });

/** Fails the handler on purpose. */
export class Provoked extends Error {
  override readonly name = 'Provoked';
  constructor(what = 'this handler fails on purpose') {
    super(what);
  }
}

/** Waits until the broker tells this depth; figures may lag by some seconds. */
export const depthIs = (
  context: Context,
  of: { depth(): Promise<{ readonly ready?: number }> },
  ready: number,
): Promise<void> => context.until(`a depth of ${ready}`, async () => (await of.depth()).ready === ready);
