import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HistoryWriter, openHistory } from '@waybill/conformance/history';
import { memoryBroker } from '@waybill/in-memory';
import { waitFor } from '@waybill/testbed';
import { depthOf, drain } from './drain.ts';
import { places } from './load/destinations.ts';
import { type LoadBus, openLoadBus } from './load/load-bus.ts';
import { machineClock } from './machine-clock.ts';
import {
  type Consumer,
  openConsumer,
  openProducer,
  positionsFile,
  type Producer,
  type Stage,
} from './memory/member.ts';
import { type Window, windowsOf } from './memory/windows.ts';
import type { RunOptions } from './options.ts';
import { minimumOf, type RunRecord } from './outcome.ts';

/** All links of the in-memory broker lost at once; judged like the kill of a server. */
const allLinksLost = 'all connections lost';

const readers = ['c1', 'c2'] as const;

interface Run extends Stage {
  readonly history: HistoryWriter;
  readonly producers: readonly Producer[];
  readonly consumers: readonly Consumer[];
}

/** The same load in one process, against an in-memory broker that fails by a seed. */
export async function runMemory(options: RunOptions, say: (line: string) => void): Promise<RunRecord> {
  const { seed, messages } = options;
  const run = `memory-${seed}-${Date.now()}`;
  const directory = mkdtempSync(join(tmpdir(), 'waybill-faults-'));
  const stage: Stage = { broker: memoryBroker({ seed }), run, directory, seed };
  const history = openHistory({ directory, run, process: 'parent', now: machineClock });
  const consumers = await Promise.all(readers.map((reader) => openConsumer(stage, reader, 1)));
  const producers = await Promise.all(
    ['p1', 'p2'].map((name, index) => openProducer(stage, name, index, Math.ceil(messages / 2))),
  );
  const windows = windowsOf(seed, options.brokerKills);
  await applyLoad({ ...stage, history, consumers, producers }, windows, messages, say);
  await Promise.all([...producers, ...consumers].map(({ work }) => ('finished' in work ? work.finished : work.stop())));
  await Promise.all([...producers, ...consumers].map(({ bus }) => bus.close()));
  const complaints: string[] = [];
  await using bus = await openLoadBus(stage.broker.driver(), places);
  await drainAll({ ...stage, history, bus }, complaints, say);
  history.close();
  return {
    run,
    directory,
    plan: bus.plan,
    complaints,
    faults: windows.filter(({ kind }) => kind !== 'calm').length,
    title: 'In-memory broker',
    outage: allLinksLost,
    recoverWithinMs: 5_000,
    repeats: stage.broker.faults.log.filter(({ fault }) => fault === 'duplicate' || fault === 'endLease').length,
    settings: {
      broker: 'in-memory, leases, one process',
      node: process.versions.node,
      seed,
      messages,
      'times all connections are lost': options.brokerKills,
      processes: 'one; 2 producers and 2 consumers with a connection each',
    },
    style: { acceptance: 'confirmed', dedup: true, minimum: minimumOf(messages, places), places, claims: {} },
  };
}

async function applyLoad(
  run: Run,
  windows: readonly Window[],
  messages: number,
  say: (line: string) => void,
): Promise<void> {
  const { producers } = run;
  const size = messages / windows.length;
  for (const [number, window] of windows.entries()) {
    const from = number * size;
    say(`${((100 * number) / windows.length).toFixed(0).padStart(3)} %  ${window.kind}`);
    const begin = beginWindow(run, window, `f${String(number).padStart(2, '0')}-${window.kind}`);
    for (const { work } of producers) work.grant(Math.ceil((from + size / 2) / producers.length));
    await waitFor('half a window', () => sumOf(producers, 'begun') >= from + size / 2 || undefined, {
      timeoutMs: 60_000,
      everyMs: 2,
    });
    const end = await begin();
    for (const { work } of producers) work.grant(Math.ceil((from + size) / producers.length));
    await waitFor('a window', () => sumOf(producers, 'concluded') >= from + size || undefined, {
      timeoutMs: 60_000,
      everyMs: 5,
    });
    await end();
  }
}

const sumOf = (producers: readonly Producer[], what: 'begun' | 'concluded'): number =>
  producers.reduce((sum, producer) => sum + producer[what], 0);

type Step = () => Promise<void>;

/** What happens at the beginning (now), in the middle, and at the end of a window. */
function beginWindow(run: Run, window: Window, fault: string): () => Promise<Step> {
  const nothing: Step = () => Promise.resolve();
  switch (window.kind) {
    case 'calm':
      return () => Promise.resolve(nothing);
    case 'cut':
      return async () => {
        await cutAll(run, fault);
        return nothing;
      };
    case 'pause':
      return async () => {
        await pauseBroker(run, fault, window.ms);
        return nothing;
      };
    default:
      return beginChance(run, window, fault);
  }
}

function beginChance(run: Run, window: Extract<Window, { rates: object }>, fault: string): () => Promise<Step> {
  const { broker, history } = run;
  const before = broker.faults.log.length;
  history.record({ type: 'fault.begin', fault, kind: window.kind, scope: 'broker', disconnects: window.repeats });
  broker.faults.set(window.rates);
  return () =>
    Promise.resolve(async () => {
      await quiet(run);
      broker.faults.clear();
      const struck = broker.faults.log.slice(before).filter((each) => each.fault === window.kind);
      const [first] = struck;
      if (first) {
        const evidence =
          `${struck.length} times by the broker's own account, first ${first.place ?? ''} ${first.id ?? ''}`.trim();
        history.record({ type: 'fault.confirmed', fault, evidence });
      }
      history.record({ type: 'fault.healed', fault });
    });
}

/** Nothing ready, in flight or delayed: what the window brought, it brought to an end. */
async function quiet({ broker }: Run): Promise<void> {
  await broker.idle({ timeoutMs: 60_000 });
}

async function cutAll({ broker, history, producers, consumers }: Run, fault: string): Promise<void> {
  const members = [...producers, ...consumers];
  history.record({ type: 'fault.begin', fault, kind: allLinksLost, scope: 'broker' });
  const begun = machineClock();
  broker.faults.disconnect();
  history.record({ type: 'fault.healed', fault });
  const isBack = (member: Producer | Consumer): boolean =>
    member.linkLiveAt >= begun && [...member.liveAt.values()].every((at) => at >= begun);
  await waitFor('everybody to be back', () => members.every(isBack) || undefined, { timeoutMs: 20_000, everyMs: 2 });
  const evidence = `${members.length} connections lost and made again, the last after ${Math.round(machineClock() - begun)} ms`;
  history.record({ type: 'fault.confirmed', fault, evidence });
}

async function pauseBroker({ broker, history, producers }: Run, fault: string, ms: number): Promise<void> {
  history.record({
    type: 'fault.begin',
    fault,
    kind: 'the broker answers nothing',
    scope: 'broker',
    disconnects: false,
  });
  broker.faults.pause();
  const answered = await producers[0]!.bus.ping({ signal: AbortSignal.timeout(ms) }).then(
    () => true,
    () => false,
  );
  broker.faults.resume();
  if (!answered) history.record({ type: 'fault.confirmed', fault, evidence: `a ping had no answer for ${ms} ms` });
  history.record({ type: 'fault.healed', fault });
}

async function drainAll(
  stage: Stage & { readonly history: HistoryWriter; readonly bus: LoadBus },
  complaints: string[],
  say: (line: string) => void,
): Promise<void> {
  const { broker, bus, history, directory, run } = stage;
  say('load done; draining');
  const fresh = await Promise.all(readers.map((reader) => openConsumer(stage, reader, 2)));
  const { depth, deadLetters, records } = await drain({
    bus,
    history,
    readers: new Map(readers.map((reader) => [reader, positionsFile(stage, reader)])),
    depth: () => depthOf(bus),
    moved: () => readers.reduce((sum, reader) => sum + statSync(join(directory, `${run}.${reader}.2.ndjson`)).size, 0),
    quietMs: 1_500,
    complain: (what) => void complaints.push(what),
  });
  say(
    `drained: ${depth} left, ${deadLetters} dead letters, ${records} records in the stream; ${broker.faults.log.length} faults in all`,
  );
  await Promise.all(fresh.map(async ({ work, bus: own }) => work.stop().then(() => own.close())));
}
