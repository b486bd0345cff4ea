import { join } from 'node:path';
import { waitFor } from '@waybill/testbed';
import type { FaultyServer, Way } from '../brokers/faulty-broker.ts';
import type { BrokerName } from '../brokers/names.ts';
import { type Place, subscriptionOf, subscriptionsOf } from '../load/destinations.ts';
import type { ChildSetup } from '../load/messages.ts';
import { LoadProcess } from './slot.ts';

export interface FleetSetup {
  readonly run: string;
  readonly directory: string;
  readonly broker: BrokerName;
  readonly server: FaultyServer;
  readonly places: readonly Place[];
  readonly heartbeatMs: number;
  readonly seed: number;
  readonly messages: number;
}

/** A place for one process at a time, with its own way to the broker. */
export interface Slot {
  readonly name: string;
  readonly role: ChildSetup['role'];
  readonly way: Way;
  readonly process: LoadProcess;
}

interface MutableSlot extends Slot {
  process: LoadProcess;
  incarnation: number;
}

const producers = ['p1', 'p2'];
const consumers = ['c1', 'c2'];
/** The names of all slots. */
export const members: readonly string[] = [...producers, ...consumers];

/** All processes of the load. */
export class Fleet {
  readonly #setup: FleetSetup;
  readonly #slots: MutableSlot[] = [];

  constructor(setup: FleetSetup) {
    this.#setup = setup;
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }
  slotsOf(role: Slot['role']): readonly Slot[] {
    return this.#slots.filter((slot) => slot.role === role);
  }
  get begun(): number {
    return this.#sum(({ begun }) => begun);
  }
  get concluded(): number {
    return this.#sum(({ concluded }) => concluded);
  }

  /** The consumers first: a subscription is owed what is published after it exists. */
  async start(): Promise<void> {
    for (const name of consumers) await this.#open(name, 'consumer');
    await this.allReady();
    for (const name of producers) await this.#open(name, 'producer');
    await this.allReady();
  }

  async allReady(): Promise<void> {
    await this.until('every process to be ready', () => this.#slots.every(({ process }) => process.isReady), 90_000);
  }

  grant(upTo: number): void {
    for (const { process } of this.slotsOf('producer'))
      process.order({ order: 'grant', upTo: Math.ceil(upTo / producers.length) });
  }

  /** A new process takes the place of the one that ended. */
  replace(slot: Slot): LoadProcess {
    const mutable = this.#slots.find((each) => each === slot)!;
    mutable.incarnation += 1;
    mutable.process = this.#spawn(slot.name, slot.role, mutable.incarnation, slot.way);
    return mutable.process;
  }

  /** Connected, and consuming everything, since a moment on the machine's clock. */
  isLive({ role, process, name }: Slot, since: number): boolean {
    const { live, down } = process.linkAt;
    if (!process.isRunning || live < since || live < down) return false;
    return role === 'producer' || this.#consumedBy(name).every((each) => (process.liveAt(each) ?? -Infinity) >= since);
  }

  /** Rejects after the timeout, and when a process ends that nobody told to. */
  async until(what: string, condition: () => boolean, timeoutMs: number): Promise<void> {
    const ask = (): true | undefined => {
      this.#checkAlive();
      return condition() || undefined;
    };
    await waitFor(what, ask, { timeoutMs, everyMs: 10 });
  }

  /** Every process ends in order: handlers end, positions are stored. */
  async stop(role: Slot['role'], timeoutMs = 30_000): Promise<readonly string[]> {
    const complaints = this.slotsOf(role).map(async ({ process }) => {
      process.order({ order: 'stop' });
      const deadline = setTimeout(() => process.signal('SIGKILL'), timeoutMs);
      const exit = await process.exited.finally(() => clearTimeout(deadline));
      if (exit.code === 0) return [];
      return [`${process.setup.name} did not end in order (${exit.signal ?? exit.code}):\n${process.output}`];
    });
    return (await Promise.all(complaints)).flat();
  }

  async close(): Promise<void> {
    for (const { process } of this.#slots) if (process.isRunning) process.signal('SIGKILL');
    await Promise.all(this.#slots.map(({ process }) => process.exited));
    for (const { proxies } of this.#slots.map(({ way }) => way))
      for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
  }

  positionsFile(name: string): string {
    return join(this.#setup.directory, `positions-${name}.json`);
  }

  async #open(name: string, role: Slot['role']): Promise<void> {
    const way = await this.#setup.server.way();
    this.#slots.push({ name, role, way, incarnation: 1, process: this.#spawn(name, role, 1, way) });
  }

  #spawn(name: string, role: Slot['role'], incarnation: number, way: Way): LoadProcess {
    const { run, directory, broker, places, heartbeatMs, seed, messages } = this.#setup;
    const number = producers.indexOf(name);
    return new LoadProcess({
      role,
      name: role === 'producer' ? name : `${name}.${incarnation}`,
      run,
      directory,
      broker,
      url: way.url,
      ports: way.ports,
      places,
      heartbeatMs,
      seed: seed * 31 + number,
      messages: Math.ceil(messages / producers.length),
      reader: name,
      positionsFile: this.positionsFile(name),
    });
  }

  #consumedBy(reader: string): readonly string[] {
    const { places } = this.#setup;
    return [...subscriptionsOf(places), ...(places.includes('log') ? [subscriptionOf(reader)] : [])];
  }

  #checkAlive(): void {
    const crashed = this.#slots.find(({ process }) => process.hasCrashed)?.process;
    if (crashed) throw new Error(`${crashed.setup.name} ended by itself; it printed:\n${crashed.output}`);
  }

  #sum(of: (process: LoadProcess) => number): number {
    return this.slotsOf('producer').reduce((sum, { process }) => sum + of(process), 0);
  }
}
