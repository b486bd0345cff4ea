import {
  type Declaration,
  type Lane,
  type Link,
  type Outgoing,
  type Receipted,
  type ReceiveOptions,
  type Settlement,
  type Source,
  type Target,
} from '@waybill/core/driver';
import { type BrokerOptions, MemoryBroker, virtualClock, type VirtualClock } from '@waybill/in-memory';
import type { Delivery } from '../src/records.ts';
import { QueueReceiver } from '../src/receiver.ts';

/** A broker on a virtual clock, and one link to it. */
export interface Bench {
  readonly broker: MemoryBroker;
  readonly clock: VirtualClock;
  readonly link: Link<MemoryBroker>;
  readonly declare: (...declarations: readonly Declaration[]) => Promise<void>;
  readonly consume: (source: Source, options?: Partial<ReceiveOptions>) => Promise<QueueReceiver>;
}

const open = (broker: MemoryBroker): Promise<Link<MemoryBroker>> =>
  broker.driver().connect({ signal: new AbortController().signal, onBlocked: () => {} });

export async function bench(options: BrokerOptions = {}): Promise<Bench> {
  const clock = virtualClock();
  const broker = new MemoryBroker({ clock, ...options });
  const link = await open(broker);
  return {
    broker,
    clock,
    link,
    declare: async (...declarations) => {
      const mismatches = await link.declare!(declarations, 'create');
      if (mismatches.length > 0) throw new Error(`mismatch: ${mismatches.map(({ property }) => property).join(', ')}`);
    },
    consume: (source, given) => consume(link, source, given),
  };
}

export const connect = open;

export async function consume(
  link: Link,
  source: Source,
  options: Partial<ReceiveOptions> = {},
): Promise<QueueReceiver> {
  const receiver = await link.receive(source, {
    signal: new AbortController().signal,
    delivery: 'at-least-once',
    maxInFlight: 1000,
    leaseMs: 30_000,
    ...options,
  });
  if (!(receiver instanceof QueueReceiver)) throw new Error(`a ${receiver.style} receiver came`);
  return receiver;
}

export const queue = (name: string, more: Partial<Extract<Declaration, { kind: 'queue' }>> = {}) =>
  ({ kind: 'queue', name, order: 'none', priority: false, ttl: false, delay: false, ...more }) as const;
export const topic = (name: string) => ({ kind: 'topic', name, order: 'none' }) as const;
export const subscription = (of: string, name: string, more: object = {}) =>
  ({ kind: 'subscription', topic: of, name, order: 'none', ...more }) as const;

let sends = 0;
export function message(text: string, more: Partial<Outgoing> = {}): Outgoing {
  sends += 1;
  return {
    id: text,
    sendId: `send ${sends}`,
    body: Buffer.from(text),
    contentType: 'text/plain',
    sentAt: 0,
    headers: {},
    ...more,
  };
}

export async function send(link: Link, target: Target, ...batch: readonly (Outgoing | string)[]): Promise<void> {
  const { unsent } = await link.send(
    target,
    batch.map((one) => (typeof one === 'string' ? message(one) : one)),
  );
  if (unsent.length > 0) throw new Error(`not sent: ${unsent.map(({ error }) => String(error)).join(', ')}`);
}

export const never = new AbortController().signal;
/** What a pull finds now, without waiting. */
export async function drain(lane: Lane<Receipted<Delivery>>, limit = 1000): Promise<readonly Receipted<Delivery>[]> {
  const control = new AbortController();
  const pulled = lane.pull(limit, control.signal);
  control.abort();
  return pulled;
}
export const texts = (messages: readonly { readonly body: Uint8Array | null }[]): string[] =>
  messages.map(({ body }) => String(body));

type Outcome = Settlement<Delivery>;
export const accept = (message: Receipted<Delivery>): Outcome => ({ receipt: message.receipt, outcome: 'accept' });
export const reject = (message: Receipted<Delivery>, reason: string): Outcome => ({
  receipt: message.receipt,
  outcome: 'reject',
  reason,
});
export const release = (message: Receipted<Delivery>, delayMs = 0, failed = true): Outcome => ({
  receipt: message.receipt,
  outcome: 'release',
  delayMs,
  failed,
});
