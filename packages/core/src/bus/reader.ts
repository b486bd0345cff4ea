import type { Stream } from '../destination/destination.ts';
import { WaybillError } from '../error/error.ts';
import { placeOf } from '../plan/topology.ts';
import type { Timer } from '../clock.ts';
import type { SteadyConsumer } from '../receive/consumer.ts';
import { HandOver } from '../receive/hand-over.ts';
import type { Loan } from '../receive/loan.ts';
import { consume } from './consuming.ts';
import type { Carrier } from './carrier.ts';
import type { Reader, ReadOptions } from './handles.ts';
import { checkReading } from './checks.ts';
import { checkSeek } from './from.ts';

/** Reads without a group, for a loop. Opens when the loop begins; a record counts as seen when the loop asks for the next. */
export function reader(carrier: Carrier, destination: Stream, options: ReadOptions): Reader<unknown> {
  checkReading(`stream ${destination.name}`, options);
  const from = options.from ?? 'earliest';
  checkSeek(carrier, destination, from);
  const reading = new Reading(carrier, destination, { ...options, from });
  return {
    get positions() {
      return reading.positions;
    },
    close: () => reading.close(),
    [Symbol.asyncDispose]: () => reading.close(),
    [Symbol.asyncIterator]: () => reading.records(),
  };
}

class Reading {
  readonly #carrier: Carrier;
  readonly #destination: Stream;
  readonly #options: ReadOptions & Required<Pick<ReadOptions, 'from'>>;
  readonly #handOver = new HandOver(false);
  #consumer: SteadyConsumer | undefined;
  #idle: Timer | undefined;
  #closed = false;
  #begun = false;

  constructor(carrier: Carrier, destination: Stream, options: ReadOptions & Required<Pick<ReadOptions, 'from'>>) {
    this.#carrier = carrier;
    this.#destination = destination;
    this.#options = options;
  }

  get positions(): Readonly<Record<string, string>> {
    return this.#consumer?.positions ?? {};
  }

  async *records(): AsyncGenerator<Loan> {
    const { limit = Infinity, until } = this.#options;
    if (this.#begun)
      throw new WaybillError(
        'closed',
        `stream ${this.#destination.name}: this reader has been read; call read() again, from: { after: reader.positions, … } to go on`,
      );
    this.#begun = true;
    try {
      await this.#open();
      for (let seen = 0; seen < limit; seen++) {
        const record = await this.#next();
        if (!record || (until && (record.sentAt ?? 0) >= until.timestamp)) return;
        yield record;
        record.settle({ outcome: 'accept' });
      }
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#idle?.cancel();
    this.#handOver.end();
    await this.#consumer?.close();
  }

  async #open(): Promise<void> {
    if (this.#closed) return;
    const { from, prefetch = 256, signal } = this.#options;
    const { name } = this.#destination;
    const source = { kind: 'stream', ...placeOf(this.#destination, this.#carrier.driver.name), from } as const;
    const options = { concurrency: prefetch, maxInFlight: prefetch, ...(signal && { signal }) };
    const wasOpen = this.#carrier.keeper.state !== 'closed';
    try {
      this.#consumer = await consume(this.#carrier, {
        destination: this.#destination,
        source,
        name,
        handler: this.#handOver.handle,
        options,
        byHand: true,
        atMostOnce: false,
        asTheyCome: true,
      });
    } catch (error) {
      // Closed while it opened: that ends the wait for a record as it does later on.
      if (wasOpen && WaybillError.is(error, 'closed')) return this.#handOver.end();
      throw error;
    }
    void this.#consumer.ended.then(() => this.#handOver.end());
  }

  /** The next record, or nothing when none came for too long. */
  async #next(): Promise<Loan | undefined> {
    const { idleMs } = this.#options;
    if (idleMs !== undefined) this.#idle = this.#carrier.clock.after(idleMs, () => this.#handOver.end());
    const record = await this.#handOver.next();
    this.#idle?.cancel();
    return record;
  }
}
