import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { HistoryWriter } from '@waybill/conformance/history';
import type { Reader } from '@waybill/core';
import type { Body } from './body.ts';
import { subscriptionOf } from './destinations.ts';
import type { DeathPoint } from './consumer.ts';
import type { LoadBus } from './load-bus.ts';
import type { DeliveryRecorder } from './recorder.ts';

export type Positions = Readonly<Record<string, string>>;

export interface LogReaderSetup {
  readonly log: NonNullable<LoadBus['log']>;
  readonly history: HistoryWriter;
  readonly recorder: DeliveryRecorder;
  readonly reader: string;
  readonly positionsFile: string;
  readonly passing: (point: DeathPoint) => void;
}

export interface LogReader {
  /** Ends the reading and stores how far it came. */
  stop(): Promise<void>;
}

const recordsBetweenStores = 25;
const storeEveryMs = 100;

/** Reads the stream from where the file of positions stands; stores them now and then, as an application would. */
export function readLog(setup: LogReaderSetup): LogReader {
  const after = storedPositions(setup.positionsFile);
  const reader = setup.log.read({ from: after ? { after, otherwise: 'earliest' } : 'earliest' });
  const store = new PositionStore(setup, reader);
  const timer = setInterval(() => store.save(), storeEveryMs);
  const done = readAll(setup, reader, store).finally(() => clearInterval(timer));
  return {
    async stop() {
      await reader.close();
      await done;
      store.save();
      setup.history.record({ type: 'subscribe.end', subscription: subscriptionOf(setup.reader) });
    },
  };
}

export function storedPositions(file: string): Positions | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Positions) : undefined;
}

async function readAll(
  { recorder, reader: name, passing }: LogReaderSetup,
  reader: Reader<Body>,
  store: PositionStore,
) {
  for await (const record of reader) {
    const { lane, position } = record;
    const id = recorder.begin('log', subscriptionOf(name), record, { lane, position });
    passing('handling');
    recorder.end(id, 'ok');
    passing('handled');
    store.handled();
  }
}

/** Keeps `reader.positions` in a file: what the loop is done with, the present record not included. */
class PositionStore {
  readonly #setup: LogReaderSetup;
  readonly #reader: Reader<Body>;
  #handled = 0;
  #saved: Positions;

  constructor(setup: LogReaderSetup, reader: Reader<Body>) {
    this.#setup = setup;
    this.#reader = reader;
    this.#saved = storedPositions(setup.positionsFile) ?? {};
  }

  handled(): void {
    this.#handled += 1;
    if (this.#handled % recordsBetweenStores === 0) this.save();
  }

  /** The file is whole at any moment: a crash leaves the old one or the new one. */
  save(): void {
    const { positionsFile, history, reader } = this.#setup;
    const moved = Object.entries(this.#reader.positions).filter(([lane, position]) => this.#saved[lane] !== position);
    if (moved.length === 0) return;
    this.#saved = { ...this.#saved, ...Object.fromEntries(moved) };
    writeFileSync(`${positionsFile}.next`, JSON.stringify(this.#saved));
    renameSync(`${positionsFile}.next`, positionsFile);
    for (const [lane, through] of moved)
      history.record({ type: 'commit', subscription: subscriptionOf(reader), lane, through, outcome: 'ok' });
  }
}
