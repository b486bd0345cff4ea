import { join } from 'node:path';
import { type HistoryWriter, openHistory } from '@waybill/conformance/history';
import type { MemoryBroker } from '@waybill/in-memory';
import { type RunningConsumer, startConsumer } from '../load/consumer.ts';
import { places } from '../load/destinations.ts';
import { type LoadBus, openLoadBus } from '../load/load-bus.ts';
import { startProducer, type RunningProducer } from '../load/producer.ts';
import { observerOf, type Watcher } from '../load/recorder.ts';
import { machineClock } from '../machine-clock.ts';

/** Where all members of a run meet. */
export interface Stage {
  readonly broker: MemoryBroker;
  readonly run: string;
  readonly directory: string;
  readonly seed: number;
}

/** What a process is elsewhere: its own connection to the broker, and its own history. */
interface Member {
  readonly bus: LoadBus;
  readonly history: HistoryWriter;
  /** When its connection last came up, on the machine's clock. */
  linkLiveAt: number;
  readonly liveAt: Map<string, number>;
  begun: number;
  concluded: number;
}

export interface Producer extends Member {
  readonly work: RunningProducer;
}
export interface Consumer extends Member {
  readonly work: RunningConsumer;
}

export const positionsFile = ({ directory }: Stage, reader: string): string =>
  join(directory, `positions-${reader}.json`);

async function open({ broker, run, directory }: Stage, name: string, reader: string): Promise<Member> {
  const history = openHistory({ directory, run, process: name, now: machineClock });
  const seen = { linkLiveAt: -Infinity, liveAt: new Map<string, number>(), begun: 0, concluded: 0 };
  const watcher: Watcher = {
    link: (state) => void (state === 'live' && (seen.linkLiveAt = machineClock())),
    live: (subscription) => void seen.liveAt.set(subscription, machineClock()),
    progress: () => undefined,
  };
  const bus = await openLoadBus(broker.driver(), places, { observe: observerOf(history, watcher, reader) });
  return Object.assign(seen, { bus, history });
}

export async function openProducer(stage: Stage, name: string, number: number, messages: number): Promise<Producer> {
  const member = await open(stage, name, name);
  const { bus, history } = member;
  const progress = (begun: number, concluded: number): void => void Object.assign(member, { begun, concluded });
  const watcher: Watcher = { link: () => undefined, live: () => undefined, progress };
  const work = startProducer({ bus, history, watcher, name, messages, seed: stage.seed * 31 + number });
  return Object.assign(member, { work });
}

export async function openConsumer(stage: Stage, reader: string, incarnation: number): Promise<Consumer> {
  const member = await open(stage, `${reader}.${incarnation}`, reader);
  const { bus, history } = member;
  const work = await startConsumer({
    bus,
    history,
    reader,
    positionsFile: positionsFile(stage, reader),
    passing: () => undefined,
  });
  return Object.assign(member, { work });
}
