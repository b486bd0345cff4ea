import {
  type Declaration,
  type Incoming,
  type Lane,
  type LeaseReceiver,
  type Link,
  type Outgoing,
  type Place,
  type Positioned,
  type Receipted,
  type ReceiveOptions,
  type Receiver,
  type Source,
} from '@waybill/core/driver';
import { type RedisNative, type RedisOptions, redisStreams } from '@waybill/adapter-redis-streams';

export const never = new AbortController().signal;
export type RedisLink = Link<RedisNative> & AsyncDisposable;

let count = 0;
/** A place that no other test has. */
export const place = (over: Partial<Place> = {}): Place => ({
  name: `t${process.pid}.${Date.now().toString(36)}.${count++}`,
  order: 'none',
  ...over,
});

export async function open(
  options: string | RedisOptions,
  onBlocked: (reason: string | undefined) => void = () => {},
): Promise<RedisLink> {
  const link = await redisStreams(options).connect({ signal: never, onBlocked });
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
export async function declare(link: RedisLink, ...declarations: readonly Declaration[]): Promise<void> {
  const mismatches = await link.declare!(declarations, 'create');
  if (mismatches.length > 0) throw new Error(`differs: ${JSON.stringify(mismatches)}`);
}

/** A declared queue of its own. */
export async function newQueue(link: RedisLink, native?: object): Promise<{ readonly kind: 'queue' } & Place> {
  const where = place(native === undefined ? {} : { native });
  await declare(link, queueOf(where));
  return { kind: 'queue', ...where };
}

/** A declared stream of its own. */
export async function newStream(
  link: RedisLink,
  over: Partial<Extract<Declaration, { kind: 'stream' }>> = {},
): Promise<{ readonly kind: 'stream' } & Place> {
  const where = place(over.native === undefined ? {} : { native: over.native });
  await declare(link, { kind: 'stream', ...where, ...over });
  return { kind: 'stream', ...where };
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
  link: RedisLink,
  target: { readonly kind: 'queue' | 'topic' | 'stream' } & Place,
  batch: readonly Outgoing[],
): Promise<void> {
  const { unsent } = await link.send(target, batch);
  if (unsent.length > 0) throw new Error(`not stored: ${String(unsent[0]?.error)}`);
}

type Outcome =
  | { readonly outcome: 'accept' }
  | { readonly outcome: 'release'; readonly delayMs: number; readonly failed: boolean }
  | { readonly outcome: 'reject'; readonly reason: string };
export const accept: Outcome = { outcome: 'accept' };
export const failed: Outcome = { outcome: 'release', delayMs: 0, failed: true };

/** A receiver whose only lane is pulled by hand. */
export class Taker {
  readonly receiver: LeaseReceiver;
  readonly lane: Lane<Receipted>;
  constructor(receiver: LeaseReceiver, lane: Lane<Receipted>) {
    this.receiver = receiver;
    this.lane = lane;
  }
  /** So many, within ten seconds. */
  take(many: number): Promise<Receipted[]> {
    return collect(this.lane, many);
  }
  /** What comes within the time: for proving that something does not come. */
  takeWithin(ms: number): Promise<Receipted[]> {
    return collectWithin(this.lane, ms);
  }
  async settle(outcome: Outcome, ...given: readonly Receipted[]): Promise<void> {
    const unsettled = await this.settled(outcome, ...given);
    if (unsettled.length > 0) throw new Error(`not settled: ${JSON.stringify(unsettled)}`);
  }
  async settled(outcome: Outcome, ...given: readonly Receipted[]): Promise<readonly string[]> {
    const unsettled = await this.receiver.settle(given.map(({ receipt }) => ({ receipt, ...outcome })));
    return unsettled.map(({ index, outcome: what }) => `${index} ${what}`);
  }
}

export async function consume(link: RedisLink, source: Source, options: Partial<ReceiveOptions> = {}): Promise<Taker> {
  const receiver = await receive(link, source, options);
  if (receiver.style !== 'lease') throw new Error(`a ${receiver.style} receiver came`);
  return new Taker(receiver, await laneOf<Receipted>(receiver));
}

export async function read(link: RedisLink, source: Source): Promise<Lane<Positioned>> {
  const receiver = await receive(link, source, {});
  if (receiver.style !== 'position') throw new Error(`a ${receiver.style} receiver came`);
  return laneOf<Positioned>(receiver);
}

const receive = (link: RedisLink, source: Source, options: Partial<ReceiveOptions>): Promise<Receiver> =>
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
  const deadline = AbortSignal.timeout(10_000);
  while (got.length < many) {
    got.push(...(await lane.pull(many - got.length, deadline)));
    if (deadline.aborted) throw new Error(`${got.length} of ${many} messages came in ten seconds`);
  }
  return got;
}

async function collectWithin<M extends Receipted | Positioned>(lane: Lane<M>, ms: number): Promise<M[]> {
  const got: M[] = [];
  const deadline = AbortSignal.timeout(ms);
  while (!deadline.aborted) got.push(...(await lane.pull(1000, deadline)));
  return got;
}

export const textOf = ({ body }: Incoming): string => (body === null ? 'null' : Buffer.from(body).toString());
export const idsOf = (found: readonly Incoming[]): (string | undefined)[] => found.map(({ id }) => id);

/** The error of something that must fail, caught from the start. */
export const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'it did not fail',
    (error: unknown) => error,
  );
