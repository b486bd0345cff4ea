import type { HistoryEvent, Recordable } from '../../src/history/index.ts';
import { createRandom, type Random } from './random.ts';

/*
 * A model of a broker that keeps its promises, with producers and consumers that do not always live: it writes only
 * histories that an at-least-once claim, with order by key and `block`, allows. Times are true times plus a constant
 * error of each process inside its declared uncertainty.
 */

const UNCERTAINTY_MS = 0.05;
const LEASE_MS = 30_000;
export const MAX_ATTEMPTS = 4;
/** Calm messages of one key at the end of every history, each handled once. */
const TAIL = 6;

/** One stored copy of a message. */
interface Copy {
  readonly message: string;
  readonly key: string;
  failures: number;
  wasDelivered: boolean;
}

interface Held {
  readonly copy: Copy;
  readonly delivery: number;
  /** The broker took it back, the handler does not know. */
  isStale: boolean;
}

interface Consumer {
  readonly name: string;
  isConnected: boolean;
  readonly held: Held[];
}

export interface Simulation {
  readonly events: HistoryEvent[];
  readonly tail: readonly string[];
}

export interface SimulationOptions {
  readonly messages?: number;
  readonly keys?: readonly string[];
  /** How likely a settlement does not take effect, without a loss. */
  readonly settleFails?: number;
}

export function simulate(seed: number, options: SimulationOptions = {}): Simulation {
  const { messages = 40, keys = ['x', 'y', 'z'], settleFails = 0.05 } = options;
  const world = createWorld(createRandom(seed), settleFails);
  for (const name of ['a', 'b', 'c']) world.join(name);
  let published = 0;
  while (published < messages || world.isBusy()) {
    if (published < messages && world.random.chance(0.3))
      world.publish(`m${(published += 1)}`, world.random.pick(keys));
    else world.step();
  }
  world.calm();
  const tail = Array.from({ length: TAIL }, (_, index) => `tail${index}`);
  for (const message of tail) world.publishOk(message, 'tail');
  for (const message of tail) world.consumeCalmly(message);
  world.wait(100);
  world.add('parent', { type: 'drain.end', depth: 0 });
  return { events: world.events, tail };
}

function createWorld(random: Random, settleFails: number) {
  const events: HistoryEvent[] = [];
  const errors = new Map<string, number>();
  const queue: Copy[] = [];
  const consumers: Consumer[] = [];
  const counters = { delivery: 0, incarnation: 0, fault: 0 };
  let now = 0;

  const add = (process: string, event: Recordable): void => {
    if (!errors.has(process)) {
      const uncertaintyMs = process === 'parent' ? 0 : UNCERTAINTY_MS;
      errors.set(process, random.between(-uncertaintyMs, uncertaintyMs));
      events.push({
        type: 'header',
        version: 1,
        run: 'simulation',
        process,
        at: now + errors.get(process)!,
        offsetMs: 0,
        uncertaintyMs,
      });
    }
    now += random.between(0.2, 5);
    events.push({ ...event, process, at: now + errors.get(process)! });
  };

  const contents = (message: string) => ({ body: `body of ${message}`, headers: `headers of ${message}` });
  const invoke = (message: string, key: string): void =>
    add('producer', { type: 'publish.invoke', message, destination: 'orders', key, ...contents(message) });
  const store = (message: string, key: string): number =>
    queue.push({ message, key, failures: 0, wasDelivered: false });

  const publishOk = (message: string, key: string): void => {
    invoke(message, key);
    store(message, key);
    add('producer', { type: 'publish.ok', message });
  };

  const publish = (message: string, key: string): void => {
    if (random.chance(0.05)) {
      invoke(message, key);
      add('producer', { type: 'publish.fail', message, code: 'rejected' });
      return;
    }
    if (random.chance(0.08)) {
      invoke(message, key);
      if (random.chance(0.5)) store(message, key);
      add('producer', { type: 'publish.unknown', message, code: 'unknown-outcome' });
      if (random.chance(0.4)) return;
    }
    publishOk(message, key);
  };

  /** Back to where it stood: before everything of its key. */
  const giveBack = (copy: Copy): number => queue.unshift(copy);
  const takeAllBack = (consumer: Consumer): void => {
    for (const held of consumer.held.toReversed()) {
      if (!held.isStale) giveBack(held.copy);
      held.isStale = true;
    }
  };

  const join = (name: string): void => {
    const consumer = { name, isConnected: true, held: [] };
    consumers.push(consumer);
    add(name, { type: 'subscribe.ready', subscription: 'orders', destination: 'orders' });
  };

  const isInFlight = (key: string): boolean =>
    consumers.some(({ held }) => held.some(({ copy, isStale }) => !isStale && copy.key === key));
  const nextCopy = (): Copy | undefined =>
    queue.find((copy, index) => !isInFlight(copy.key) && queue.findIndex(({ key }) => key === copy.key) === index);

  const deliver = (consumer: Consumer, copy: Copy): Held => {
    queue.splice(queue.indexOf(copy), 1);
    const held: Held = { copy, delivery: (counters.delivery += 1), isStale: false };
    consumer.held.push(held);
    const { message, key } = copy;
    add(consumer.name, {
      type: 'deliver',
      delivery: held.delivery,
      message,
      headerMessage: message,
      subscription: 'orders',
      destination: 'orders',
      key,
      ...contents(message),
      attempt: copy.failures + 1,
      redelivered: copy.wasDelivered,
      leaseMs: LEASE_MS,
    });
    copy.wasDelivered = true;
    return held;
  };

  const finish = (consumer: Consumer, held: Held, outcome: 'ok' | 'error'): void => {
    const { delivery, copy } = held;
    consumer.held.splice(consumer.held.indexOf(held), 1);
    add(consumer.name, { type: 'handled', delivery, outcome });
    const isBuried = outcome === 'error' && copy.failures + 1 >= MAX_ATTEMPTS;
    const settlement = outcome === 'ok' ? 'accept' : isBuried ? 'reject' : 'release';
    add(consumer.name, { type: 'settle.invoke', delivery, settlement });
    if (held.isStale) return add(consumer.name, { type: 'settle.lost', delivery, settlement });
    if (random.chance(settleFails)) {
      add(consumer.name, { type: 'settle.failed', delivery, settlement });
      copy.failures += outcome === 'error' ? 1 : 0;
      giveBack(copy);
      return;
    }
    add(consumer.name, { type: 'settle.ok', delivery, settlement });
    if (settlement === 'release') {
      copy.failures += 1;
      giveBack(copy);
    } else if (settlement === 'reject') {
      add('parent', {
        type: 'dead-letter.read',
        message: copy.message,
        subscription: 'orders',
        reason: 'attempts',
        attempts: MAX_ATTEMPTS,
        body: contents(copy.message).body,
      });
    }
  };

  const disconnect = (consumer: Consumer): void => {
    consumer.isConnected = false;
    takeAllBack(consumer);
    add(consumer.name, { type: 'connection.down', reason: 'reset' });
  };
  const reconnect = (consumer: Consumer): void => {
    consumer.isConnected = true;
    add(consumer.name, { type: 'connection.up' });
  };

  const kill = (consumer: Consumer): void => {
    takeAllBack(consumer);
    consumers.splice(consumers.indexOf(consumer), 1);
    add('parent', { type: 'process.exit', exited: consumer.name, signal: 'SIGKILL' });
    join(`${consumer.name}#${(counters.incarnation += 1)}`);
  };

  const killBroker = (): void => {
    const fault = `kill-${(counters.fault += 1)}`;
    add('parent', { type: 'fault.begin', fault, kind: 'kill -9', scope: 'broker' });
    add('parent', { type: 'fault.confirmed', fault, evidence: 'pid gone' });
    for (const consumer of consumers) if (consumer.isConnected) disconnect(consumer);
    now += random.between(100, 3_000);
    add('parent', { type: 'fault.healed', fault, evidence: 'round trip' });
    for (const consumer of consumers) reconnect(consumer);
  };

  const step = (): void => {
    const consumer = random.pick(consumers);
    const roll = random.next();
    if (roll < 0.005) killBroker();
    else if (roll < 0.015) kill(consumer);
    else if (roll < 0.03 && consumer.isConnected) disconnect(consumer);
    else if (!consumer.isConnected && roll < 0.3) reconnect(consumer);
    else if (roll < 0.6 && consumer.held.length > 0)
      finish(consumer, random.pick(consumer.held), random.chance(0.15) ? 'error' : 'ok');
    else {
      const copy = nextCopy();
      if (copy !== undefined && consumer.isConnected) deliver(consumer, copy);
    }
  };

  return {
    events,
    random,
    add,
    publish,
    publishOk,
    join,
    step,
    wait: (ms: number) => (now += ms),
    isBusy: () => queue.length > 0 || consumers.some(({ held }) => held.length > 0),
    /** Everybody connected, and every earlier disturbance far away. */
    calm: () => {
      for (const consumer of consumers) if (!consumer.isConnected) reconnect(consumer);
      now += 10_000;
    },
    consumeCalmly: (message: string) => {
      const copy = queue.find((each) => each.message === message)!;
      const consumer = random.pick(consumers);
      const { delivery } = deliver(consumer, copy);
      consumer.held.length = 0;
      add(consumer.name, { type: 'handled', delivery, outcome: 'ok' });
      add(consumer.name, { type: 'settle.invoke', delivery, settlement: 'accept' });
      add(consumer.name, { type: 'settle.ok', delivery, settlement: 'accept' });
    },
  };
}
