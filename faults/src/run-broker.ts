import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type HistoryWriter, openHistory } from '@waybill/conformance/history';
import { connect } from '@waybill/core';
import { type Broker, startRabbitmq } from '@waybill/testbed';
import { destinations } from './load/destinations.ts';
import { sendTimeoutMs } from './load/messages.ts';
import { mostOpen } from './load/producer.ts';
import { machineClock } from './machine-clock.ts';
import { drain } from './drain.ts';
import type { RunOptions } from './options.ts';
import { minimumOf, type RunRecord } from './outcome.ts';
import { brokerKill } from './parent/broker-faults.ts';
import { Fleet } from './parent/fleet.ts';
import { inject, type Scene } from './parent/inject.ts';
import { type Plan, planOf } from './plan.ts';

/**
 * RabbitMQ loses what was confirmed to a quorum queue that was declared less than about a second before a SIGKILL of a
 * single node. The adapter has a case of its own for that; here queues are this old before the first kill.
 */
const queueAgeMs = 2_000;

/** The whole run against servers of its own: load, faults, drain. Judges nothing. */
export async function runRabbitmq(options: RunOptions, say: (line: string) => void): Promise<RunRecord> {
  const { line, seed, heartbeatMs } = options;
  const run = `rabbitmq-${line.replace('.', '-')}-${seed}-${Date.now()}`;
  const directory = mkdtempSync(join(tmpdir(), 'waybill-faults-'));
  await using broker = await startRabbitmq({ line, name: 'faults', onProgress: say });
  if (broker.controls === 'none')
    throw new Error(`this run kills its server, and ${broker.url} came from the environment; unset that variable`);
  const history = openHistory({ directory, run, process: 'parent', now: machineClock });
  const complaints: string[] = [];
  const fleet = new Fleet({ run, directory, broker, heartbeatMs, seed, messages: options.messages });
  try {
    const scene = { broker, fleet, history, heartbeatMs, complain: (what: string) => void complaints.push(what) };
    const bus = await connect(broker.url, destinations, { connectTimeoutMs: 60_000 });
    const { plan } = bus;
    await bus.close();
    await fleet.start();
    await pause(queueAgeMs);
    const faults = planOf(seed, options);
    await applyLoad(scene, faults, options.messages, say);
    complaints.push(...(await fleet.stop('producer')), ...(await endConsumers(fleet, history)));
    await drainAll({ broker, fleet, history, directory, run }, complaints, say);
    history.close();
    const injected = faults.filter((fault) => fault !== undefined).length;
    const settings = settingsOf(options, broker);
    const style = { acceptance: 'sent', dedup: false, minimum: minimumOf(options.messages) } as const;
    return { run, directory, plan, complaints, faults: injected, outage: brokerKill, settings, style };
  } finally {
    await fleet.close();
  }
}

/** The part of a window that goes out while its fault is on goes out over this time, so that there is traffic all along. */
const trickleMs = 4_000;

/** Window by window: at full speed until its fault strikes, and no further before that is over. */
async function applyLoad(scene: Scene, plan: Plan, messages: number, say: (line: string) => void): Promise<void> {
  const { fleet } = scene;
  const size = messages / plan.length;
  const reached = (count: number): Promise<void> =>
    fleet.until(`message ${Math.floor(count)} to be sent`, () => fleet.begun >= Math.floor(count), 120_000);
  for (const [window, fault] of plan.entries()) {
    const end = (window + 1) * size;
    if (fault !== undefined) {
      const strike = (window + fault.offset) * size;
      fleet.grant(strike + size / 10);
      await reached(strike);
      say(`${((100 * window) / plan.length).toFixed(0).padStart(3)} %  ${fault.kind}`);
      const trickle = trickleTo(fleet, strike, end);
      await inject(scene, fault, `f${String(window).padStart(2, '0')}-${fault.kind}`).finally(trickle);
    }
    fleet.grant(end);
    await reached(end);
  }
  await fleet.until('every outcome', () => fleet.concluded >= messages, 120_000);
}

/** Returns what ends it. */
function trickleTo(fleet: Fleet, from: number, to: number): () => void {
  const began = machineClock();
  const timer = setInterval(
    () => fleet.grant(Math.min(to, from + ((to - from) * (machineClock() - began)) / trickleMs)),
    20,
  );
  return () => clearInterval(timer);
}

async function endConsumers(fleet: Fleet, history: HistoryWriter): Promise<readonly string[]> {
  const complaints = await fleet.stop('consumer');
  for (const { process } of fleet.slots) {
    const { code, signal } = await process.exited;
    history.record({
      type: 'process.exit',
      exited: process.setup.name,
      ...(code !== null && { code }),
      ...(signal && { signal }),
    });
  }
  return complaints;
}

interface Ending {
  readonly broker: Broker;
  readonly fleet: Fleet;
  readonly history: HistoryWriter;
  readonly directory: string;
  readonly run: string;
}

/** A quorum queue tells its figures every 5 s, so only a second look after that long sees the present. */
const quietMs = 5_500;

async function drainAll(ending: Ending, complaints: string[], say: (line: string) => void): Promise<void> {
  const { broker, fleet, history, directory, run } = ending;
  await using bus = await connect(broker.url, destinations, { connectTimeoutMs: 60_000 });
  say('load done; draining');
  for (const slot of fleet.slotsOf('consumer')) fleet.replace(slot);
  await fleet.allReady();
  const consumers = fleet.slotsOf('consumer');
  const { depth, deadLetters, records } = await drain({
    bus,
    history,
    readers: new Map(consumers.map(({ name }) => [name, fleet.positionsFile(name)])),
    depth: () => depthOf(broker),
    moved: () =>
      consumers.reduce((sum, { process }) => sum + sizeOf(join(directory, `${run}.${process.setup.name}.ndjson`)), 0),
    quietMs,
    complain: (what) => void complaints.push(what),
  });
  say(`drained: ${depth} left, ${deadLetters} dead letters, ${records} records in the stream`);
  complaints.push(...(await fleet.stop('consumer')));
}

/** In all queues, those of delayed retries included, but for dead letters. */
async function depthOf(broker: Broker): Promise<number> {
  const listed = await broker.control('list_queues', '--no-table-headers', 'name', 'type', 'messages');
  return listed
    .split('\n')
    .map((row) => row.split('\t'))
    .filter(([name = '', type]) => name !== '' && type !== 'stream' && !name.endsWith('.dead'))
    .reduce((sum, [, , messages]) => sum + Number(messages), 0);
}

const sizeOf = (file: string): number => statSync(file).size;

function settingsOf(options: RunOptions, broker: Broker): RunRecord['settings'] {
  return {
    broker: `RabbitMQ ${broker.version}, one node, default durability`,
    node: process.versions.node,
    seed: options.seed,
    messages: options.messages,
    'kills of the broker': options.brokerKills,
    'kills of a consumer': options.consumerKills,
    'heartbeat, ms': options.heartbeatMs,
    'send timeout, ms': sendTimeoutMs,
    'age of the queues at the first kill, ms, at least': queueAgeMs,
    'most sends open for a producer': mostOpen,
    processes: '2 producers, 2 consumers, each behind a proxy of its own',
  };
}
