import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { HistoryWriter } from '@waybill/conformance/history';
import { type Bus, deadLettersOf } from '@waybill/core';
import type { Broker } from '@waybill/testbed';
import { type Body, checksumOf } from '../load/body.ts';
import { destinations, type Place, subscriptionOf } from '../load/destinations.ts';
import { DeliveryRecorder } from '../load/recorder.ts';
import { type Positions, storedPositions } from '../load/reader.ts';
import { machineClock } from '../machine-clock.ts';
import type { Fleet } from './fleet.ts';
import { subscriptionsOfSlot } from './fleet.ts';

/** A quorum queue tells its figures every 5 s, so only a second look after that long sees the present. */
const quietMs = 5_500;
const drainWithinMs = 120_000;

export interface Drained {
  readonly depth: number;
  readonly deadLetters: number;
  readonly records: number;
}

interface DrainScene {
  readonly broker: Broker;
  readonly fleet: Fleet;
  readonly history: HistoryWriter;
  readonly bus: Bus<typeof destinations>;
  readonly directory: string;
  readonly run: string;
  readonly complain: (what: string) => void;
}

/** Fresh consumers take what is left, until two looks, some seconds apart, find nothing left and nothing moving. */
export async function drain(scene: DrainScene): Promise<Drained> {
  const { fleet, history } = scene;
  history.record({ type: 'drain.begin' });
  for (const slot of fleet.slotsOf('consumer')) fleet.replace(slot);
  await fleet.allReady();
  const replay = await replayLog(scene);
  const depth = await untilQuiet(scene, replay.end);
  const deadLetters = await readDeadLetters(scene.bus, history);
  for (const slot of fleet.slotsOf('consumer')) {
    for (const subscription of subscriptionsOfSlot(slot.name).filter((name) => !name.startsWith('log/')))
      history.record({ type: 'drain.end', subscription, depth });
    const isAtEnd = samePositions(storedPositions(fleet.positionsFile(slot.name)), replay.end);
    history.record({ type: 'drain.end', subscription: subscriptionOf(slot.name), depth: isAtEnd ? 0 : null });
  }
  history.record({ type: 'drain.end', subscription: subscriptionOf('replay'), depth: 0 });
  return { depth, deadLetters, records: replay.records };
}

/** Reads the whole stream once more, from the beginning, as a subscription of its own. Tells where it ends. */
async function replayLog({ bus, history }: DrainScene): Promise<{ readonly end: Positions; readonly records: number }> {
  const recorder = new DeliveryRecorder(history);
  const subscription = subscriptionOf('replay');
  history.record({ type: 'subscribe.ready', subscription, destination: 'log' });
  let records = 0;
  const reader = bus.log.read({ from: 'earliest', idleMs: 2_000 });
  for await (const record of reader) {
    const { lane, position } = record;
    recorder.end(recorder.begin('log', subscription, record, { lane, position }), 'ok');
    records += 1;
  }
  history.record({ type: 'subscribe.end', subscription });
  return { end: reader.positions, records };
}

async function untilQuiet(scene: DrainScene, end: Positions): Promise<number> {
  const deadline = machineClock() + drainWithinMs;
  for (let before = await look(scene, end); ; ) {
    await pause(quietMs);
    const now = await look(scene, end);
    if (now.depth === 0 && before.depth === 0 && now.moved === before.moved && now.isAtEnd) return 0;
    if (machineClock() > deadline) {
      scene.complain(`not drained after ${drainWithinMs} ms: ${JSON.stringify(now)}, the stream ends at ${JSON.stringify(end)}`);
      return now.depth;
    }
    before = now;
  }
}

/** What is stored and not yet done, retries that wait included, and how much the consumers have written. */
async function look({ broker, fleet, directory, run }: DrainScene, end: Positions) {
  const listed = await broker.control('list_queues', '--no-table-headers', 'name', 'type', 'messages');
  const depth = listed
    .split('\n')
    .map((row) => row.split('\t'))
    .filter(([name = '', type]) => name !== '' && type !== 'stream' && !name.endsWith('.dead'))
    .reduce((sum, [, , messages]) => sum + Number(messages), 0);
  const consumers = fleet.slotsOf('consumer');
  const moved = consumers.reduce(
    (sum, { process }) => sum + statSync(join(directory, `${run}.${process.setup.name}.ndjson`)).size,
    0,
  );
  const isAtEnd = consumers.every(({ name }) => samePositions(storedPositions(fleet.positionsFile(name)), end));
  return { depth, moved, isAtEnd };
}

function samePositions(left: Positions = {}, right: Positions = {}): boolean {
  return Object.keys(right).length === Object.keys(left).length && Object.entries(right).every(([lane, at]) => left[lane] === at);
}

const idleMs = 2_000;

/** Every dead letter, with its cause, into the history. */
export async function readDeadLetters(bus: Bus<typeof destinations>, history: HistoryWriter): Promise<number> {
  const read = await Promise.all((['work', 'keyed', 'news'] as const).map((place) => readOne(bus, history, place)));
  return read.reduce((sum, count) => sum + count, 0);
}

async function readOne(bus: Bus<typeof destinations>, history: HistoryWriter, place: Place): Promise<number> {
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
