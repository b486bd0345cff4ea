import { setTimeout as pause } from 'node:timers/promises';
import type { HistoryWriter } from '@waybill/conformance/history';
import { type Depth, deadLettersOf } from '@waybill/core';
import { type Body, checksumOf } from './load/body.ts';
import { destinations, type Place, subscriptionOf, subscriptionsOf, subscriptionsOfNews } from './load/destinations.ts';
import type { LoadBus } from './load/load-bus.ts';
import { type Positions, storedPositions } from './load/reader.ts';
import { DeliveryRecorder } from './load/recorder.ts';
import { machineClock } from './machine-clock.ts';

export interface DrainScene {
  readonly bus: LoadBus;
  readonly history: HistoryWriter;
  /** Readers of the stream, and where they keep their positions. */
  readonly readers: ReadonlyMap<string, string>;
  /** What is stored and not yet done, retries that wait included, dead letters not. */
  readonly depth: () => Promise<number>;
  /** Grows with everything that a consumer does. */
  readonly moved: () => number;
  /** Between two looks: longer than the broker's figures may be old, and than a retry may wait. */
  readonly quietMs: number;
  readonly complain: (what: string) => void;
}

export interface Drained {
  readonly depth: number;
  readonly deadLetters: number;
  readonly records: number;
}

const drainWithinMs = 120_000;
const idleMs = 2_000;

/** Fresh consumers take what is left, until two looks, some seconds apart, find nothing left and nothing moving. */
export async function drain(scene: DrainScene): Promise<Drained> {
  const { bus, history, readers } = scene;
  history.record({ type: 'drain.begin' });
  const first = await look(scene, undefined);
  const replay = bus.log ? await replayLog(bus.log, history) : { end: {}, records: 0 };
  const depth = await untilQuiet(scene, first, replay.end);
  const deadLetters = await readDeadLetters(bus, history);
  for (const subscription of subscriptionsOf(bus.places)) history.record({ type: 'drain.end', subscription, depth });
  if (bus.log) endReaders(history, readers, replay.end);
  return { depth, deadLetters, records: replay.records };
}

function endReaders(history: HistoryWriter, readers: DrainScene['readers'], end: Positions): void {
  for (const [reader, file] of readers) {
    const isAtEnd = samePositions(storedPositions(file), end);
    history.record({ type: 'drain.end', subscription: subscriptionOf(reader), depth: isAtEnd ? 0 : null });
  }
  history.record({ type: 'drain.end', subscription: subscriptionOf('replay'), depth: 0 });
}

/** Reads the whole stream once more, from the beginning, as a subscription of its own. Tells where it ends. */
async function replayLog(
  log: NonNullable<LoadBus['log']>,
  history: HistoryWriter,
): Promise<{ readonly end: Positions; readonly records: number }> {
  const recorder = new DeliveryRecorder(history);
  const subscription = subscriptionOf('replay');
  history.record({ type: 'subscribe.ready', subscription, destination: 'log' });
  let records = 0;
  const reader = log.read({ from: 'earliest', idleMs });
  for await (const record of reader) {
    const { lane, position } = record;
    recorder.end(recorder.begin('log', subscription, record, { lane, position }), 'ok');
    records += 1;
  }
  history.record({ type: 'subscribe.end', subscription });
  return { end: reader.positions, records };
}

async function untilQuiet(scene: DrainScene, first: Look, end: Positions): Promise<number> {
  const deadline = machineClock() + drainWithinMs;
  for (let before = first; ;) {
    await pause(Math.max(0, before.at + scene.quietMs - machineClock()));
    const now = await look(scene, end);
    if (now.depth === 0 && before.depth === 0 && now.moved === before.moved && now.isAtEnd) return 0;
    if (machineClock() > deadline) {
      scene.complain(
        `not drained after ${drainWithinMs} ms: ${JSON.stringify(now)}, the stream ends at ${JSON.stringify(end)}`,
      );
      return now.depth;
    }
    before = now;
  }
}

interface Look {
  /** When the figures were asked for, on the machine's clock. */
  readonly at: number;
  readonly depth: number;
  readonly moved: number;
  /** Whether every reader stands at the end of the stream, once that is known. */
  readonly isAtEnd: boolean;
}

async function look({ depth, moved, readers }: DrainScene, end: Positions | undefined): Promise<Look> {
  const at = machineClock();
  const isAtEnd = end !== undefined && [...readers.values()].every((file) => samePositions(storedPositions(file), end));
  return { at, depth: await depth(), moved: moved(), isAtEnd };
}

function samePositions(left: Positions = {}, right: Positions = {}): boolean {
  const lanes = Object.keys(right);
  return lanes.length === Object.keys(left).length && lanes.every((lane) => left[lane] === right[lane]);
}

/** Every dead letter, with its cause, into the history. */
async function readDeadLetters(bus: LoadBus, history: HistoryWriter): Promise<number> {
  const settled = bus.places.filter((place) => place !== 'log');
  const read = await Promise.all(settled.map((place) => readOne(bus, history, place)));
  return read.reduce((sum, count) => sum + count, 0);
}

async function readOne(bus: LoadBus, history: HistoryWriter, place: Place): Promise<number> {
  const dead = await bus.attach(deadLettersOf(destinations[place]));
  let read = 0;
  let lastAt = machineClock();
  const consumer = await dead.consume((value, { deadLetter }) => {
    const body = value as Body;
    lastAt = machineClock();
    read += 1;
    history.record({
      type: 'dead-letter.read',
      message: body.id,
      subscription: deadLetter?.from ?? place,
      ...(deadLetter && { attempts: deadLetter.attempts, ...reasonOf(deadLetter.reason) }),
      body: checksumOf(body),
    });
  });
  while (machineClock() - lastAt < idleMs) await pause(100);
  await consumer.close();
  return read;
}

function reasonOf(reason: string): { readonly reason?: 'attempts' | 'rejected' | 'expired' | 'undecodable' } {
  if (reason === 'exhausted') return { reason: 'attempts' };
  return reason === 'rejected' || reason === 'expired' || reason === 'undecodable' ? { reason } : {};
}

/** In queues and subscriptions, dead letters not included, as far as the adapter tells it. */
export async function depthOf({ work, keyed, news }: LoadBus): Promise<number> {
  const depths = await Promise.all([
    work?.depth(),
    keyed?.depth(),
    ...subscriptionsOfNews.map((subscription) => news?.depth({ subscription })),
  ]);
  return depths.reduce((sum, depth) => sum + totalOf(depth), 0);
}

const totalOf = ({ ready = 0, inFlight = 0, delayed = 0 }: Depth = {}): number => ready + inFlight + delayed;
