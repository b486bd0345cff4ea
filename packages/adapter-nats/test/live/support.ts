import {
  type Declaration,
  type Lane,
  type LeaseReceiver,
  type Link,
  type Outgoing,
  type Place,
  type Positioned,
  type PositionReceiver,
  type Receipted,
  type ReceiveOptions,
  type Receiver,
  type Sent,
  type Source,
} from '@waybill/core/driver';
import { nats, type NatsOptions } from '@waybill/adapter-nats';
import type { NatsConnection } from '@nats-io/transport-node';

export const never = new AbortController().signal;
export type NatsLink = Link<NatsConnection>;

let count = 0;
/** A place that no other test has. */
export const place = (over: Partial<Place> = {}): Place => ({
  name: `t${process.pid}.${Date.now().toString(36)}.${count++}`,
  order: 'none',
  ...over,
});

export async function open(options: string | NatsOptions): Promise<NatsLink & AsyncDisposable> {
  const link = await nats(options).connect({ signal: never, onBlocked: () => {} });
  return Object.assign(link, { [Symbol.asyncDispose]: () => link.close() });
}

export const queueOf = (where: Place, over: Partial<Extract<Declaration, { kind: 'queue' }>> = {}): Declaration => ({
  kind: 'queue',
  priority: false,
  ttl: false,
  delay: false,
  ...where,
  ...over,
});

/** Declares, and expects that nothing differs. */
export async function declare(link: NatsLink, ...declarations: readonly Declaration[]): Promise<void> {
  const mismatches = await link.declare!(declarations, 'create');
  if (mismatches.length > 0) throw new Error(`differs: ${JSON.stringify(mismatches)}`);
}

/** A declared queue of its own. */
export async function newQueue(
  link: NatsLink,
  over: Partial<Extract<Declaration, { kind: 'queue' }>> = {},
): Promise<{ readonly kind: 'queue' } & Place> {
  const where = place({
    ...(over.order && { order: over.order }),
    ...(over.native !== undefined && { native: over.native }),
  });
  await declare(link, queueOf(where, over));
  return { kind: 'queue', ...where };
}

export const message = (id: string, over: Partial<Outgoing> = {}): Outgoing => ({
  id,
  sendId: id,
  body: Buffer.from(JSON.stringify(id)),
  contentType: 'application/json',
  sentAt: Date.now(),
  headers: {},
  ...over,
});
export const messages = (many: number, over: Partial<Outgoing> = {}): Outgoing[] =>
  Array.from({ length: many }, (_, index) => message(`m${index}`, over));

/** Sends, and expects that everything is stored. */
export async function store(
  link: NatsLink,
  target: { readonly kind: 'queue' | 'topic' | 'stream' } & Place,
  batch: readonly Outgoing[],
): Promise<void> {
  const { unsent } = await link.send(target, batch);
  if (unsent.length > 0) throw new Error(`not stored: ${String(unsent[0]?.error)}`);
}

export const outcomesOf = ({ unsent }: Sent): string[] =>
  [...unsent].sort((one, other) => one.index - other.index).map(({ index, outcome }) => `${index} ${outcome}`);

export class Queue {
  readonly receiver: LeaseReceiver<string>;
  readonly lane: Lane<Receipted<string>>;
  constructor(receiver: LeaseReceiver<string>, lane: Lane<Receipted<string>>) {
    this.receiver = receiver;
    this.lane = lane;
  }
  /** At least this many, within twenty seconds. */
  async take(many: number): Promise<Receipted<string>[]> {
    return collect(this.lane, many);
  }
  /** What comes within the time: for proving that something does not come. */
  async takeWithin(ms: number): Promise<Receipted<string>[]> {
    return collectWithin(this.lane, ms);
  }
  async settle(outcome: Outcome, ...given: readonly Receipted<string>[]): Promise<void> {
    const unsettled = await this.receiver.settle(given.map(({ receipt }) => ({ receipt, ...outcome })));
    if (unsettled.length > 0) throw new Error(`not settled: ${JSON.stringify(unsettled)}`);
  }
}

type Outcome =
  | { readonly outcome: 'accept' }
  | { readonly outcome: 'release'; readonly delayMs: number; readonly failed: boolean }
  | { readonly outcome: 'reject'; readonly reason: string };
export const accept: Outcome = { outcome: 'accept' };
export const failed: Outcome = { outcome: 'release', delayMs: 0, failed: true };
export const reject: Outcome = { outcome: 'reject', reason: 'test' };

/** A receiver that has its lane: of an ordered queue, once it owns it. */
export async function consume(link: NatsLink, source: Source, options: Partial<ReceiveOptions> = {}): Promise<Queue> {
  const receiver = await receive(link, source, options);
  if (receiver.style !== 'lease') throw new Error(`a ${receiver.style} receiver came`);
  const typed = receiver as LeaseReceiver<string>;
  return new Queue(typed, await laneOf<Receipted<string>>(typed));
}

export async function read(
  link: NatsLink,
  source: Source,
  options: Partial<ReceiveOptions> = {},
): Promise<{ readonly receiver: PositionReceiver; readonly lane: Lane<Positioned> }> {
  const receiver = await receive(link, source, options);
  if (receiver.style !== 'position') throw new Error(`a ${receiver.style} receiver came`);
  return { receiver, lane: await laneOf<Positioned>(receiver) };
}

const receive = (link: NatsLink, source: Source, options: Partial<ReceiveOptions>): Promise<Receiver> =>
  link.receive(source, { signal: never, delivery: 'at-least-once', maxInFlight: 100, leaseMs: 30_000, ...options });

function laneOf<M extends Receipted | Positioned>(receiver: {
  start(owner: { granted(lanes: readonly Lane<M>[]): void; revoking(): Promise<void>; ended(): void }): void;
}): Promise<Lane<M>> {
  return new Promise((resolve) => {
    receiver.start({ granted: ([lane]) => lane && resolve(lane), revoking: () => Promise.resolve(), ended: () => {} });
  });
}

async function collect<M extends Receipted | Positioned>(lane: Lane<M>, many: number): Promise<M[]> {
  const got: M[] = [];
  const deadline = AbortSignal.timeout(20_000);
  while (got.length < many) {
    got.push(...(await lane.pull(many - got.length, deadline)));
    if (deadline.aborted) throw new Error(`${got.length} of ${many} messages came in twenty seconds`);
  }
  return got;
}

async function collectWithin<M extends Receipted | Positioned>(lane: Lane<M>, ms: number): Promise<M[]> {
  const got: M[] = [];
  const deadline = AbortSignal.timeout(ms);
  while (!deadline.aborted) got.push(...(await lane.pull(1000, deadline)));
  return got;
}

export const idsOf = (got: readonly { readonly id?: string | undefined }[]): (string | undefined)[] =>
  got.map(({ id }) => id);

/** The error of something that must fail, caught from the start. */
export const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'it did not fail',
    (error: unknown) => error,
  );
