import type { Destination } from '../destination/destination.ts';
import { isGuaranteed, isOrdered } from '../destination/facts.ts';
import type { ChannelCapabilities } from '../driver/capabilities.ts';
import type { RetrySchedule } from '../driver/topology.ts';
import type { Backoff } from '../emulate/backoff.ts';
import { retryPolicy, waitOf } from '../emulate/retry.ts';
import { byBroker, byWaybill, type Met } from './plan.ts';

/** How a failed delivery is tried again. Decided per failure, since it depends on the delay. */
export type RetryStep = 'in-place' | 'release' | 'send-again' | 'delay-queue';

/** What the ladder is chosen by. `brokerDelayMs` is what a `linear` broker would wait by itself after this failure. */
export interface RetryTerms {
  readonly kind: Destination['kind'];
  readonly channel: ChannelCapabilities;
  readonly ordered: boolean;
  readonly brokerDelayMs: number;
}

/**
 * The retry ladder, first match. Ordered messages must not be overtaken; a copy sent to a topic or stream would reach
 * every other subscription too. Those are kept and run again in place, unless the broker takes them back for a time.
 */
export function retryStep({ kind, channel, ordered, brokerDelayMs }: RetryTerms, delayMs: number): RetryStep {
  if (ordered) return 'in-place';
  if (channel.release === 'delayed' && delayMs <= channel.limits.maxReleaseDelayMs) return 'release';
  if (channel.release === 'linear' && brokerDelayMs === delayMs) return 'release';
  if (delayMs === 0 && channel.release === 'immediate') return 'release';
  if (kind !== 'queue') return 'in-place';
  if (delayMs === 0 || (channel.delay === 'native' && delayMs <= channel.limits.maxDelayMs)) return 'send-again';
  return 'delay-queue';
}

/** The schedule to declare with a queue whose broker keeps linear retries. */
export function nativeSchedule(destination: Destination, channel: ChannelCapabilities): RetrySchedule | undefined {
  if (
    channel.release !== 'linear' ||
    isOrdered(destination) ||
    destination.kind !== 'queue' ||
    !isGuaranteed(destination, channel)
  )
    return undefined;
  return retryPolicy(destination.options.retry).backoff.schedule;
}

/** What the broker waits by itself after that failure: at once where no schedule was declared. */
export const scheduledMs = (schedule: RetrySchedule | undefined, attempt: number): number =>
  schedule ? Math.min(schedule.maxMs, schedule.firstMs * attempt) : 0;

/** Steps of the emulated delay, in milliseconds. A message enters the largest not longer than what is left, and hops down. */
const delaySteps: readonly number[] = [250, 1000, 4000, 16_000, 64_000, 256_000, 1_024_000, 4_096_000];
const shortestMs = 250;
export const delayStep = (served: readonly number[], remainingMs: number): number =>
  served.findLast((step) => step <= remainingMs) ?? served[0] ?? shortestMs;
export const delayQueue = (name: string, step: number): string => `${name}.delay.${step}`;

/** The delay queues a destination leads through: all for delays of its own, else those of its retry policy. */
export function servedSteps(destination: Destination, channel: ChannelCapabilities): readonly number[] {
  if (!isGuaranteed(destination, channel) || isOrdered(destination) || destination.kind === 'stream') return [];
  if (destination.needs.delay !== undefined && channel.delay === 'none') return delaySteps;
  if (destination.kind !== 'queue' || channel.release === 'delayed' || channel.delay === 'native') return [];
  if (nativeSchedule(destination, channel)) return delaySteps.filter((step) => step <= 4096);
  const { attempts } = retryPolicy(destination.options.retry);
  return attempts === 1 ? [] : delaySteps.filter((step) => step <= Math.max(longestWaitMs(destination), shortestMs));
}

function longestWaitMs(destination: Destination): number {
  const { attempts, backoff } = retryPolicy(destination.options.retry);
  return Math.max(0, ...Array.from({ length: Math.min(attempts - 1, 100) }, (_, run) => waitOf(backoff, run + 1)));
}

/** The plan's row on retries: which way the policy's own waits will go. */
export function retryRow(
  destination: Destination,
  channel: ChannelCapabilities,
): { readonly wanted: string; readonly met: Met } | undefined {
  if (!isGuaranteed(destination, channel)) return undefined;
  const { attempts, backoff } = retryPolicy(destination.options.retry);
  if (attempts === 1) return undefined;
  return { wanted: `${attempts} attempts`, met: metBy(stepOf(destination, channel, backoff)) };
}

function stepOf(destination: Destination, channel: ChannelCapabilities, backoff: Backoff): RetryStep {
  const schedule = nativeSchedule(destination, channel);
  const terms = {
    kind: destination.kind,
    channel,
    ordered: isOrdered(destination),
    brokerDelayMs: scheduledMs(schedule, 1),
  };
  return retryStep(terms, waitOf(backoff, 1));
}

function metBy(step: RetryStep): Met {
  switch (step) {
    case 'release':
      return byBroker;
    case 'in-place':
      return byWaybill('kept and run again in place', 'holds a place in flight while it waits');
    case 'send-again':
      return byWaybill('a confirmed copy with a delay, then accept', 'a crash between the two leaves two copies');
    case 'delay-queue':
      return byWaybill(
        'delay queues served by the consumers',
        'a crash in between leaves two copies; late by some milliseconds',
      );
  }
}
