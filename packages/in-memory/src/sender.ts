import {
  allSent,
  noneSent,
  type Outgoing,
  type Place,
  type Sent,
  type Unsent,
  WaybillError,
} from '@waybill/core/driver';
import type { Dedup } from './dedup.ts';
import type { Host } from './host.ts';
import type { Keeping } from './queue.ts';
import { hashOf } from './random.ts';
import { sizeOf, Stored } from './records.ts';

/** Where messages can be sent: a queue, a topic, a stream, an inbox. */
export interface Sink {
  readonly name: string;
  readonly order: 'none' | 'key' | 'total';
  readonly dedup: Dedup;
  /** Keeps it. Streams say where it stands. */
  put(stored: Stored, keeping: Keeping): number | undefined;
}

type Failure = Omit<Unsent, 'index'>;

/**
 * Stores a batch, and says what was not stored or whose answer is lost. Where the sender or the place keeps an order,
 * only a beginning of each key is stored.
 */
export function storeBatch(host: Host, sink: Sink, batch: readonly Outgoing[], order: Place['order']): Sent {
  if (batch.length > host.limits.maxBatch) {
    return noneSent(
      batch,
      'rejected',
      refusal('invalid', sink, `a batch of ${batch.length} messages; the most is ${host.limits.maxBatch}`),
    );
  }
  const now = host.clock.now();
  const unsent: Unsent[] = [];
  const positions: (number | undefined)[] = [];
  const broken = new Map<string, Failure>();
  for (let index = 0; index < batch.length; index += 1) {
    const message = batch[index]!;
    const failure =
      (broken.size > 0 ? broken.get(chainOf(order, message)) : undefined) ?? failureOf(host, sink, message);
    if (failure) {
      unsent.push({ index, ...failure });
      if (order !== 'none') broken.set(chainOf(order, message), follower(sink));
      continue;
    }
    const position = keep(sink, message, now);
    if (position >= 0) positions[index] = position;
    if (host.faults.strike('dropConfirm', sink.name, message.id))
      unsent.push({ index, outcome: 'unknown', error: noAnswer(sink) });
  }
  host.changed();
  return sentOf(unsent, positions);
}

/** Stores a message, unless its send was stored before. Returns where it stands: in a stream, else -1. */
export function keep(sink: Sink, message: Outgoing, now: number): number {
  const hash = hashOf(message.sendId);
  const known = sink.dedup.find(message.sendId, hash, now);
  if (known !== undefined) return known;
  const position = sink.put(new Stored(message, now), message) ?? -1;
  sink.dedup.remember(message.sendId, hash, position);
  return position;
}

function sentOf(unsent: readonly Unsent[], positions: readonly (number | undefined)[]): Sent {
  if (positions.length === 0) return unsent.length === 0 ? allSent : { unsent };
  return { unsent, position: (index) => positions[index]?.toString() };
}

const chainOf = (order: Place['order'], { key }: Outgoing): string => (order === 'total' ? '' : (key ?? ''));

const follower = (sink: Sink): Failure => ({
  outcome: 'rejected',
  error: refusal('overloaded', sink, 'not stored, because a message before it in its order was not'),
});

/** Why a message will not be stored. */
export const failureOf = (host: Host, sink: Sink, message: Outgoing): Failure | undefined =>
  problemWith(host, sink, message) ?? (host.faults.quiet ? undefined : faultBefore(host, sink, message));

/** What no resend can mend. */
function problemWith({ limits }: Host, sink: Sink, message: Outgoing): Failure | undefined {
  const size = sizeOf(message);
  if (size > limits.maxBytes)
    return rejected('too-large', sink, `message ${message.id} has ${size} bytes; the most is ${limits.maxBytes}`);
  if (message.delayMs !== undefined && !(message.delayMs >= 0 && message.delayMs <= limits.maxDelayMs)) {
    return rejected(
      'invalid',
      sink,
      `message ${message.id} has a delay of ${message.delayMs} ms; the most is ${limits.maxDelayMs} ms`,
    );
  }
  if (message.ttlMs !== undefined && !(message.ttlMs > 0))
    return rejected('invalid', sink, `message ${message.id} lives ${message.ttlMs} ms; give more than 0`);
  const { priority = 0 } = message;
  return Number.isInteger(priority) && priority >= 0 && priority <= 9
    ? undefined
    : rejected('invalid', sink, `message ${message.id} has priority ${priority}; give 0 to 9`);
}

function faultBefore({ faults }: Host, sink: Sink, { id }: Outgoing): Failure | undefined {
  if (faults.strike('refuseSend', sink.name, id)) return rejected('rejected', sink, 'refused (an injected fault)');
  if (faults.strike('overload', sink.name, id))
    return rejected('overloaded', sink, 'refused for now (an injected fault)');
  if (faults.strike('loseSend', sink.name, id)) return { outcome: 'unknown', error: noAnswer(sink) };
  return undefined;
}

const rejected = (code: 'invalid' | 'too-large' | 'rejected' | 'overloaded', sink: Sink, problem: string): Failure => ({
  outcome: 'rejected',
  error: refusal(code, sink, problem),
});
const refusal = (
  code: 'invalid' | 'too-large' | 'rejected' | 'overloaded',
  { name }: Sink,
  problem: string,
): WaybillError => new WaybillError(code, `memory: ${name}: ${problem}`, { broker: 'memory', destination: name });
export const noAnswer = ({ name }: { readonly name: string }): WaybillError =>
  new WaybillError('unknown-outcome', `memory: ${name}: no answer (an injected fault)`, {
    broker: 'memory',
    destination: name,
  });
