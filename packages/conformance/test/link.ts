import type {
  Declaration,
  Lane,
  LeaseReceiver,
  Link,
  MessageReceiver,
  Outgoing,
  Place,
  Positioned,
  PositionReceiver,
  Receipted,
  ReceiveOptions,
  Receiver,
  Sent,
  Source,
} from '@waybill/core/driver';

// What the live tests of every adapter need to use a link as core does, step by step.

export const never = new AbortController().signal;

let count = 0;
/** A place that no other test has. */
export const place = (over: Partial<Place> = {}): Place => ({
  name: `t${process.pid}.${Date.now().toString(36)}.${count++}`,
  order: 'none',
  ...over,
});

export const closing = <L extends Link>(link: L): L & AsyncDisposable =>
  Object.assign(link, { [Symbol.asyncDispose]: () => link.close() });

export const queueOf = (where: Place, over: Partial<Extract<Declaration, { kind: 'queue' }>> = {}): Declaration => ({
  kind: 'queue',
  priority: false,
  ttl: false,
  delay: false,
  ...where,
  ...over,
});

/** Declares, and expects that nothing differs. */
export async function declare(link: Link, ...declarations: readonly Declaration[]): Promise<void> {
  const mismatches = await link.declare!(declarations, 'create');
  if (mismatches.length > 0) throw new Error(`differs: ${JSON.stringify(mismatches)}`);
}

/** A declared queue of its own. */
export async function newQueue(
  link: Link,
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
  link: Link,
  target: { readonly kind: 'queue' | 'topic' | 'stream' } & Place,
  batch: readonly Outgoing[],
): Promise<void> {
  const { unsent } = await link.send(target, batch);
  if (unsent.length > 0) throw new Error(`not stored: ${String(unsent[0]?.error)}`);
}

export const outcomesOf = ({ unsent }: Sent): string[] =>
  [...unsent].sort((one, other) => one.index - other.index).map(({ index, outcome }) => `${index} ${outcome}`);

type Outcome =
  | { readonly outcome: 'accept' }
  | { readonly outcome: 'release'; readonly delayMs: number; readonly failed: boolean }
  | { readonly outcome: 'reject'; readonly reason: string };
export const accept: Outcome = { outcome: 'accept' };
export const failed: Outcome = { outcome: 'release', delayMs: 0, failed: true };
export const unrun: Outcome = { outcome: 'release', delayMs: 0, failed: false };
export const reject: Outcome = { outcome: 'reject', reason: 'test' };

type Settling<Receipt> = MessageReceiver<Receipt> | LeaseReceiver<Receipt>;

/** A receiver whose only lane is pulled by hand. */
export class Taker<Receipt, R extends Settling<Receipt>> {
  readonly receiver: R;
  readonly lane: Lane<Receipted<Receipt>>;
  constructor(receiver: R, lane: Lane<Receipted<Receipt>>) {
    this.receiver = receiver;
    this.lane = lane;
  }
  /** At least this many, within twenty seconds. */
  take(many: number): Promise<Receipted<Receipt>[]> {
    return collect(this.lane, many);
  }
  /** What comes within the time: for proving that something does not come. */
  async takeWithin(ms: number): Promise<Receipted<Receipt>[]> {
    const got: Receipted<Receipt>[] = [];
    const deadline = AbortSignal.timeout(ms);
    while (!deadline.aborted) got.push(...(await this.lane.pull(1000, deadline)));
    return got;
  }
  async settle(outcome: Outcome, ...given: readonly Receipted<Receipt>[]): Promise<void> {
    const unsettled = await this.settled(outcome, ...given);
    if (unsettled.length > 0) throw new Error(`not settled: ${unsettled.join(', ')}`);
  }
  /** What did not take effect: `0 lost`. */
  async settled(outcome: Outcome, ...given: readonly Receipted<Receipt>[]): Promise<readonly string[]> {
    const unsettled = await this.receiver.settle(given.map(({ receipt }) => ({ receipt, ...outcome })));
    return unsettled.map(({ index, outcome: what }) => `${index} ${what}`);
  }
}

/** A receiver of this style. */
export async function receive<Style extends Receiver['style']>(
  link: Link,
  style: Style,
  source: Source,
  options: Partial<ReceiveOptions> = {},
): Promise<Extract<Receiver, { readonly style: Style }>> {
  const terms = { signal: never, delivery: 'at-least-once', maxInFlight: 100, leaseMs: 30_000, ...options } as const;
  const receiver = await link.receive(source, terms);
  if (receiver.style !== style) throw new Error(`a ${receiver.style} receiver came`);
  return receiver as Extract<Receiver, { readonly style: Style }>;
}

/** The lane of a receiver that has one: of an ordered queue, once it owns it. */
export function laneOf<M extends Receipted | Positioned>(receiver: {
  start(owner: { granted(lanes: readonly Lane<M>[]): void; revoking(): Promise<void>; ended(): void }): void;
}): Promise<Lane<M>> {
  return new Promise((resolve) => {
    receiver.start({ granted: ([lane]) => lane && resolve(lane), revoking: () => Promise.resolve(), ended: () => {} });
  });
}

/** A reader, and its lane. */
export async function read(
  link: Link,
  source: Source,
  options: Partial<ReceiveOptions> = {},
): Promise<{ readonly receiver: PositionReceiver; readonly lane: Lane<Positioned> }> {
  const receiver = await receive(link, 'position', source, options);
  return { receiver, lane: await laneOf(receiver) };
}

const collectMs = 20_000;

/** At least this many, within twenty seconds. */
export async function collect<M extends Receipted | Positioned>(lane: Lane<M>, many: number): Promise<M[]> {
  const got: M[] = [];
  const deadline = AbortSignal.timeout(collectMs);
  while (got.length < many) {
    got.push(...(await lane.pull(many - got.length, deadline)));
    if (deadline.aborted) throw new Error(`${got.length} of ${many} messages came in ${collectMs} ms`);
  }
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
