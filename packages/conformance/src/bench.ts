import type { Driver } from '@waybill/core';
import type {
  Declaration,
  Incoming,
  Lane,
  Link,
  Outgoing,
  Positioned,
  Receipted,
  ReceiveOptions,
  Receiver,
  Settlement,
  Source,
  Target,
  Unsettled,
  Watermark,
} from '@waybill/core/driver';
import type { Context } from './context.ts';

export type Settled =
  | { readonly outcome: 'accept' }
  | { readonly outcome: 'release'; readonly delayMs: number; readonly failed: boolean }
  | { readonly outcome: 'reject'; readonly reason: string };

/** A receiver whose messages are pulled by hand. */
export interface Taker {
  readonly receiver: Receiver;
  /** Those it holds now; the array changes. */
  readonly lanes: readonly Lane[];
  /** Waits for so many. */
  readonly take: (count: number, withinMs?: number) => Promise<Incoming[]>;
  /** What comes within a time. */
  readonly takeWithin: (ms: number) => Promise<Incoming[]>;
  /** Where positions are kept, a message is done, whatever became of it, with all that came before it in its lane. */
  readonly settle: (message: Incoming, outcome: Settled) => Promise<void>;
  /** Where positions are kept: everything up to this message. */
  readonly markOf: (message: Incoming) => Watermark;
  /** Ends this receiver: what it has not settled goes back. */
  readonly close: () => Promise<void>;
}

/** A driver without core, for what core would do itself or keep from happening. */
export interface Bench {
  readonly link: Link;
  readonly driver: Driver;
  readonly declare: (...declarations: readonly Declaration[]) => Promise<void>;
  /** Sends, and expects that all are stored. */
  readonly send: (target: Target, ...batch: readonly Outgoing[]) => Promise<void>;
  readonly message: (text: string, more?: Partial<Outgoing>) => Outgoing;
  readonly open: (source: Source, options?: Partial<ReceiveOptions>) => Promise<Taker>;
}

export async function openBench(context: Context): Promise<Bench> {
  const driver = await context.driver();
  const link = await driver.connect({ signal: context.signal, onBlocked: () => undefined });
  context.defer('closing a link', () => link.close());
  let sends = 0;
  return {
    link,
    driver,
    async declare(...declarations) {
      const mismatches = (await link.declare?.(declarations, 'create')) ?? [];
      context.expect.deepEqual(
        mismatches.map(({ property }) => property),
        [],
        'what was declared is as it was asked for',
      );
    },
    async send(target, ...batch) {
      const { unsent } = await link.send(target, batch);
      context.expect.deepEqual(
        unsent.map(({ index, outcome, error }) => `${index} ${outcome}: ${String(error)}`),
        [],
        'messages that were not stored',
      );
    },
    message(text, more) {
      sends += 1;
      return {
        id: text,
        sendId: `${context.name('send')}-${sends}`,
        body: Buffer.from(text),
        contentType: 'text/plain',
        sentAt: Date.now(),
        headers: {},
        ...more,
      };
    },
    open: (source, options) => openTaker(context, link, source, options),
  };
}

async function openTaker(
  context: Context,
  link: Link,
  source: Source,
  options: Partial<ReceiveOptions> = {},
): Promise<Taker> {
  const { signal } = context;
  const receiver = await link.receive(source, {
    signal,
    delivery: 'at-least-once',
    maxInFlight: 200,
    leaseMs: 30_000,
    ...options,
  });
  context.defer('closing a receiver', () => receiver.close());
  const lanes = lanesOf(receiver);
  const laneOf = new Map<Incoming, AnyLane>();
  const pull = async (limit: number, until: AbortSignal): Promise<Incoming[]> => {
    const found: Incoming[] = [];
    await context.until('a lane', () => lanes.length > 0);
    while (found.length < limit && !until.aborted) {
      const each = AbortSignal.any([until, AbortSignal.timeout(lanes.length > 1 ? 20 : 60_000)]);
      for (const lane of lanes) {
        const messages = await lane.pull(limit - found.length, each);
        for (const message of messages) laneOf.set(message, lane);
        found.push(...messages);
        if (found.length >= limit) break;
      }
    }
    context.saw(found.length);
    return found;
  };
  return {
    receiver,
    lanes,
    close: () => receiver.close(),
    markOf: (message) => ({ lane: laneOf.get(message)!, through: (message as Positioned).position }),
    async take(count, withinMs = context.timing.positiveMs) {
      const found = await pull(count, AbortSignal.timeout(withinMs));
      context.expect.equal(found.length, count, 'messages pulled');
      return found;
    },
    takeWithin: (ms) => pull(Number.MAX_SAFE_INTEGER, AbortSignal.timeout(ms)),
    async settle(message, outcome) {
      const failed = await settleAt(receiver, laneOf.get(message)!, message, outcome);
      context.expect.deepEqual(failed, [], `settlements (${outcome.outcome}) without effect`);
    },
  };
}

type AnyLane = Lane<Receipted & Positioned>;

function settleAt(
  receiver: Receiver,
  lane: AnyLane,
  message: Incoming,
  outcome: Settled,
): Promise<readonly Unsettled[]> {
  if (receiver.style !== 'position')
    return receiver.settle([{ receipt: (message as Receipted).receipt, ...outcome } satisfies Settlement]);
  if (outcome.outcome === 'release') throw new Error('where positions are kept nothing can be released');
  return receiver.commit!([{ lane, through: (message as Positioned).position }]);
}

/** Grants come when the receiver likes; what left is pulled no more. */
function lanesOf(receiver: Receiver): AnyLane[] {
  const lanes: AnyLane[] = [];
  receiver.start({
    granted: (more: readonly Lane[]) => void lanes.push(...(more as AnyLane[])),
    revoking: () => Promise.resolve(),
    ended: (gone: readonly Lane[]) =>
      void lanes.splice(0, lanes.length, ...lanes.filter((lane) => !gone.includes(lane))),
  });
  return lanes;
}

export const textOf = ({ body }: Incoming): string => (body === null ? 'null' : Buffer.from(body).toString());
export const accept: Settled = { outcome: 'accept' };
export const release = (delayMs: number, failed: boolean): Settled => ({ outcome: 'release', delayMs, failed });
