import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type HistoryWriter, openHistory } from '@waybill/conformance/history';
import { type Driver, WaybillError } from '@waybill/core';
import type { FaultyBroker, FaultyServer } from './brokers/faulty-broker.ts';
import { loadBroker } from './brokers/load-broker.ts';
import type { BrokerName } from './brokers/names.ts';
import { depthOf, drain } from './drain.ts';
import { type Place, places as allPlaces } from './load/destinations.ts';
import { openLoadBus } from './load/load-bus.ts';
import { sendTimeoutMs } from './load/messages.ts';
import { mostOpen } from './load/producer.ts';
import { machineClock } from './machine-clock.ts';
import { type RunOptions, UsageError } from './options.ts';
import { minimumOf, type RunRecord } from './outcome.ts';
import { brokerKill } from './parent/broker-faults.ts';
import { Fleet, members } from './parent/fleet.ts';
import { inject, type Scene } from './parent/inject.ts';
import { type Plan, planOf } from './plan.ts';

/** What all of a run can use. */
interface Run {
  readonly name: string;
  /** Of the histories. */
  readonly directory: string;
  readonly options: RunOptions;
  readonly broker: FaultyBroker;
  readonly server: FaultyServer;
  /** The parent's own. */
  readonly history: HistoryWriter;
  readonly complaints: string[];
  readonly say: (line: string) => void;
  /** A driver past all proxies. */
  readonly direct: () => Driver;
  /** What the broker carries. */
  readonly places: readonly Place[];
}

/** The whole run against servers of its own: load, faults, drain. Judges nothing. */
export async function runBroker(
  target: BrokerName,
  options: RunOptions,
  say: (line: string) => void,
): Promise<RunRecord> {
  const { line = '', isCluster, seed } = options;
  const name = `${target}-${line.replaceAll('.', '-')}-${seed}-${Date.now()}`;
  const directory = mkdtempSync(join(tmpdir(), 'waybill-faults-'));
  const broker = await loadBroker(target);
  if (isCluster && broker.goesOnWithinMs === undefined)
    throw new UsageError(`--cluster: there is none of ${broker.title} here`);
  await using server = await broker.start({ line, isCluster, members, say });
  const history = openHistory({ directory, run: name, process: 'parent', now: machineClock });
  const ports = Object.fromEntries(server.nodes.map(({ port }) => [port, port]));
  const direct = (): Driver => broker.driver({ ...options, url: server.url, ports, name: 'parent' });
  const complaints: string[] = [];
  const carried = await carriedBy(broker, direct, complaints);
  const run: Run = { name, directory, options, broker, server, history, complaints, say, direct, places: carried };
  const plan = await declare(run);
  const fleet = new Fleet({ ...options, run: name, directory, broker: target, server, places: carried });
  try {
    await fleet.start();
    await pause(broker.agedMs);
    const faults = planOf(seed, options);
    await applyLoad(sceneOf(run, fleet), faults, options.messages, say);
    run.complaints.push(...(await fleet.stop('producer')), ...(await endConsumers(fleet, history)));
    await drainAll(run, fleet);
    history.close();
    return { ...recordOf(run), plan, faults: faults.filter((fault) => fault !== undefined).length };
  } finally {
    await fleet.close();
  }
}

function sceneOf({ broker, server, history, options: { heartbeatMs }, complaints }: Run, fleet: Fleet): Scene {
  const complain = (what: string): void => void complaints.push(what);
  return { broker, server, fleet, history, heartbeatMs, noticeWithinMs: broker.noticeWithinMs(heartbeatMs), complain };
}

function recordOf(run: Run): Omit<RunRecord, 'plan' | 'faults'> {
  const { name, directory, options, broker, complaints, places } = run;
  const { acceptance, dedup, claims, recoverWithinMs } = broker;
  const minimum = minimumOf(options.messages, places);
  return {
    run: name,
    directory,
    complaints,
    title: `${broker.title} ${options.line}${options.isCluster ? ', three nodes,' : ''}`,
    ...(!options.isCluster && { outage: brokerKill }),
    recoverWithinMs,
    settings: settingsOf(run),
    style: { acceptance, dedup, minimum, places, claims },
  };
}

/** Asks for each place by itself. Who refuses more than is known of him makes the run invalid. */
async function carriedBy(broker: FaultyBroker, direct: () => Driver, complaints: string[]): Promise<readonly Place[]> {
  const carried: Place[] = [];
  for (const place of allPlaces) {
    try {
      await (await openLoadBus(direct(), [place], { connectTimeoutMs: 60_000 })).close();
      carried.push(place);
    } catch (error) {
      if (!WaybillError.is(error, 'unsupported')) throw error;
      if (broker.places.includes(place)) complaints.push(`${place} is refused: ${error.message}`);
    }
  }
  return carried;
}

/** All of it together, as the processes of the load do. */
async function declare({ direct, places }: Run): Promise<RunRecord['plan']> {
  const bus = await openLoadBus(direct(), places, { connectTimeoutMs: 60_000 });
  await bus.close();
  return bus.plan;
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

async function drainAll(run: Run, fleet: Fleet): Promise<void> {
  const { broker, server, history, complaints, say, direct, places } = run;
  await using bus = await openLoadBus(direct(), places, { connectTimeoutMs: 60_000 });
  say('load done; draining');
  for (const slot of fleet.slotsOf('consumer')) fleet.replace(slot);
  await fleet.allReady();
  const consumers = fleet.slotsOf('consumer');
  const { depth, deadLetters, records } = await drain({
    bus,
    history,
    readers: new Map(consumers.map(({ name }) => [name, fleet.positionsFile(name)])),
    depth: server.depth ?? (() => depthOf(bus)),
    moved: () => consumers.reduce((sum, { process }) => sum + sizeOfHistory(run, process.setup.name), 0),
    quietMs: broker.quietMs,
    complain: (what) => void complaints.push(what),
  });
  say(`drained: ${depth} left, ${deadLetters} dead letters, ${records} records in the stream`);
  complaints.push(...(await fleet.stop('consumer')));
}

const sizeOfHistory = ({ directory, name }: Run, process: string): number =>
  statSync(join(directory, `${name}.${process}.ndjson`)).size;

function settingsOf({ options, broker, server, places }: Run): RunRecord['settings'] {
  const refused = allPlaces.filter((place) => !places.includes(place));
  return {
    broker: server.description,
    node: process.versions.node,
    seed: options.seed,
    messages: options.messages,
    ...(refused.length > 0 && { 'refused by the plan, so not part of the load': refused.join(', ') }),
    'kills of the broker': options.brokerKills,
    'kills of a consumer': options.consumerKills,
    'heartbeat, ms': options.heartbeatMs,
    'send timeout, ms': sendTimeoutMs,
    'age of the destinations at the first kill, ms, at least': broker.agedMs,
    'most sends open for a producer': mostOpen,
    processes: '2 producers, 2 consumers, each behind a proxy of its own',
  };
}
