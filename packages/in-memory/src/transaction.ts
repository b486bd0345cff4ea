import type { Addressed, Target, Transacted } from '@waybill/core/driver';
import { notFound } from './errors.ts';
import type { Host } from './host.ts';
import { failureOf, keep, noAnswer, type Sink } from './sender.ts';

/** Stores all outputs and then marks, in one go: nobody sees a part of it. */
export function storeTogether(
  host: Host,
  sinkOf: (target: Target) => Sink | undefined,
  outputs: readonly Addressed[],
  mark: () => void,
): Transacted {
  const puts: (() => number)[] = [];
  const now = host.clock.now();
  for (const { target, message } of outputs) {
    const sink = sinkOf(target);
    if (!sink) return { outcome: 'aborted', error: notFound(target.kind, target.name) };
    const failure = failureOf(host, sink, message);
    if (failure) return { outcome: failure.outcome === 'rejected' ? 'aborted' : 'unknown', error: failure.error };
    puts.push(() => keep(sink, message, now));
  }
  for (const put of puts) put();
  mark();
  const lost = outputs.find(({ target, message }) => host.faults.strike('dropConfirm', target.name, message.id));
  return lost ? { outcome: 'unknown', error: noAnswer(lost.target) } : { outcome: 'committed' };
}
