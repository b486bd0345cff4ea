import type { HistoryWriter } from '@waybill/conformance/history';
import { WaybillError } from '@waybill/core';
import { pick, type Random, randomOf } from '../random.ts';
import { type Body, bodyOf } from './body.ts';
import { keys, maxAttempts, type Place, shares } from './destinations.ts';
import { Gate } from './gate.ts';
import type { LoadBus } from './load-bus.ts';
import type { Watcher } from './recorder.ts';

export interface ProducerSetup {
  readonly bus: LoadBus;
  readonly history: HistoryWriter;
  readonly watcher: Watcher;
  readonly name: string;
  readonly seed: number;
  readonly messages: number;
}

export interface RunningProducer {
  /** It may begin this many messages in all. */
  grant(upTo: number): void;
  /** Resolves when every message has its outcome. */
  readonly finished: Promise<void>;
}

/** Begun and without outcome, at most. */
export const mostOpen = 200;
const mostTogether = 20;
const progressEveryMs = 20;

/** Sends its share of the load, as fast as it is let, to all destinations at once. */
export function startProducer(setup: ProducerSetup): RunningProducer {
  const gate = new Gate(mostOpen);
  const tell = (): void => setup.watcher.progress(gate.begun, gate.concluded);
  const timer = setInterval(tell, progressEveryMs);
  const finished = produce(setup, gate).finally(() => {
    clearInterval(timer);
    tell();
  });
  return { grant: (upTo) => gate.grant(upTo), finished };
}

async function produce(setup: ProducerSetup, gate: Gate): Promise<void> {
  const random = randomOf(setup.seed);
  const maker = new BodyMaker(setup.name, random);
  const outcomes: Promise<void>[] = [];
  for (let begun = 0; begun < setup.messages;) {
    await gate.pass();
    const place = placeFor(random, setup.bus.places);
    const together = Math.min(
      gate.room,
      setup.messages - begun,
      random() < 0.1 ? 1 + Math.floor(random() * mostTogether) : 1,
    );
    const bodies = Array.from({ length: together }, () => maker.make(place));
    gate.begin(bodies.length);
    outcomes.push(sendAndRecord(setup, place, bodies).finally(() => gate.conclude(bodies.length)));
    if (outcomes.length >= mostOpen * 2) await Promise.all(outcomes.splice(0, mostOpen));
    begun += bodies.length;
  }
  await Promise.all(outcomes);
}

function placeFor(random: Random, places: readonly Place[]): Place {
  let left = random() * places.reduce((sum, place) => sum + shares[place], 0);
  return places.find((place) => (left -= shares[place]) < 0) ?? places[0]!;
}

/** Makes the messages of one producer; sequences count by destination and key. */
class BodyMaker {
  readonly #name: string;
  readonly #random: Random;
  readonly #made: Record<Place, number> = { work: 0, keyed: 0, news: 0, log: 0 };
  readonly #sequences = new Map<string, number>();

  constructor(name: string, random: Random) {
    this.#name = name;
    this.#random = random;
  }

  make(place: Place): Body {
    const number = this.#made[place]++;
    const key = `k${Math.floor(this.#random() * keys)}`;
    const sequence = this.#sequences.get(`${place} ${key}`) ?? 0;
    this.#sequences.set(`${place} ${key}`, sequence + 1);
    return bodyOf({
      id: `${place}-${this.#name}-${number}`,
      key,
      sequence,
      failures: this.#failuresOf(place, number),
      filler: 'x'.repeat(Math.floor(this.#random() * 200)),
    });
  }

  /** One handler in fifty fails (of the ordered queue one in two hundred, since its key waits): once, twice, or for ever. */
  #failuresOf(place: Place, number: number): number {
    const oneIn = { work: 50, keyed: 200, news: 50, log: Infinity }[place];
    return number % oneIn === oneIn - 1 ? pick(this.#random, [1, 1, 2, maxAttempts + 1]) : 0;
  }
}

/** The invoke is on disk before a byte can leave; what is neither stored for certain nor refused for certain is unknown. */
async function sendAndRecord({ bus, history }: ProducerSetup, place: Place, bodies: readonly Body[]): Promise<void> {
  for (const { id, key, checksum } of bodies)
    history.record({ type: 'publish.invoke', message: id, destination: place, key, body: checksum });
  const outcomes = await outcomesOf(send(bus, place, bodies), bodies.length);
  for (const [index, { id }] of bodies.entries()) {
    const error = outcomes[index];
    if (error === undefined) history.record({ type: 'publish.ok', message: id });
    else
      history.record({
        type: error.outcome === 'rejected' ? 'publish.fail' : 'publish.unknown',
        message: id,
        code: error.code,
      });
  }
}

function send(bus: LoadBus, place: Place, bodies: readonly Body[]): Promise<unknown> {
  const [body] = bodies;
  const id = body === undefined ? {} : { id: body.id };
  const alone = bodies.length === 1 ? body : undefined;
  switch (place) {
    case 'work':
    case 'keyed':
      return alone ? bus[place]!.send(alone, id) : bus[place]!.sendMany(bodies);
    case 'news':
      return alone ? bus.news!.publish(alone, id) : bus.news!.publishMany(bodies);
    case 'log':
      return alone ? bus.log!.append(alone, id) : bus.log!.appendMany(bodies);
  }
}

/** What went wrong with each message, by index; of many, those that are not named were stored. */
async function outcomesOf(sending: Promise<unknown>, count: number): Promise<readonly (WaybillError | undefined)[]> {
  try {
    await sending;
    return [];
  } catch (error) {
    if (!WaybillError.is(error)) throw error;
    if (error.failures.length === 0) return Array.from({ length: count }, () => error);
    const byIndex = new Map(error.failures.map((failure) => [failure.index, failure.error]));
    return Array.from({ length: count }, (_, index) => byIndex.get(index));
  }
}
