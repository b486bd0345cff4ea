import type { From, Lane, LaneOwner, Positioned, PositionReceiver } from '@waybill/core/driver';
import type { Redis } from 'ioredis';
import type { Connection } from './connection.ts';
import { Continuity, inspect, type To } from './continuity.ts';
import type { Reader } from './reader.ts';
import { type Entry, StreamMessage } from './records.ts';

export interface LaneReading {
  readonly stream: string;
  /** What the keys beside it begin with. */
  readonly side: string;
  readonly bodyField: string | undefined;
  /** A wait is interrupted so often to see whether the stream is still there, in milliseconds. */
  readonly pollMs: number;
}

/** One partition, read by a connection of its own: a slow one holds up no other. */
export class StreamLane implements Lane<Positioned> {
  readonly id: string;
  readonly #reader: Reader;
  readonly #reading: LaneReading;
  readonly #continuity: Continuity;
  /** At most once, with a group: the position moves before anything is handed out; not empty when it was not ours to move. */
  onPulled: ((through: string) => Promise<readonly unknown[]>) | undefined;
  /** A group goes on behind what has been trimmed away, when it has been told. */
  onTrimmed: ((goesOn: string) => Promise<unknown>) | undefined;
  /** Records that it should have read are gone: it reads nothing any more. */
  isOvertaken = false;
  /** Its group wants it back. */
  isLeaving = false;
  #isEnded = false;

  constructor(id: string, reader: Reader, reading: LaneReading) {
    this.id = id;
    this.#reader = reader;
    this.#reading = reading;
    this.#continuity = new Continuity(reading.stream);
  }

  get connection(): Connection {
    return this.#reader.connection;
  }

  async pull(limit: number, signal: AbortSignal): Promise<readonly Positioned[]> {
    const wake = (): void => void this.#reader.unblock();
    signal.addEventListener('abort', wake, { once: true });
    try {
      // Also when there is no time to wait, what is there is handed out.
      for (let isFirst = true; (isFirst || !signal.aborted) && !this.#isEnded; isFirst = false) {
        const entries = await this.#read(limit, signal.aborted ? 0 : this.#reading.pollMs);
        const last = entries.at(-1);
        if (last === undefined) continue;
        this.#continuity.advance(entries.length, last.id);
        if (((await this.onPulled?.(last.id)) ?? []).length > 0) return [];
        return entries.map((entry) => new StreamMessage(entry, this.#reading.bodyField));
      }
      return [];
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  async seek(to: To): Promise<void> {
    const answer = await this.#inspect();
    this.#continuity.begin(to, answer);
    await this.#mustFollow(answer);
  }

  /** The position before the next message. */
  get after(): string {
    return this.#continuity.after;
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#reader.unblock();
    await this.connection.close();
  }

  /** In one flight, what the stream is like before the read: a read waits for a stream that is gone as for one that is empty. */
  async #read(limit: number, waitMs: number): Promise<Entry[]> {
    const inspecting = this.#inspect();
    const reading = this.#reader.read(['XREAD'], limit, waitMs, this.#reading.stream, this.after);
    reading.catch(() => {});
    await this.#mustFollow(await inspecting);
    return reading;
  }

  #inspect(): Promise<unknown> {
    return this.connection.run(inspect, [this.#reading.stream, this.#reading.side], []);
  }

  async #mustFollow(answer: unknown): Promise<void> {
    const missing = this.#continuity.check(answer);
    if (missing === undefined) return;
    this.isOvertaken = true;
    await this.onTrimmed?.(missing.goesOn);
    throw missing.error;
  }
}

/** Everything of a stream, for one reader that keeps its positions itself. */
export class StreamReceiver implements PositionReceiver {
  readonly style = 'position';
  readonly native: Redis;
  readonly closed: Promise<unknown>;
  readonly #lanes: readonly StreamLane[];
  #end!: (cause: unknown) => void;
  #closing: Promise<void> | undefined;

  /** `lost` is the link's end. */
  constructor(native: Redis, lanes: readonly StreamLane[], lost: Promise<unknown>) {
    this.native = native;
    this.#lanes = lanes;
    this.closed = new Promise((resolve) => (this.#end = resolve));
    for (const cause of [lost, ...lanes.map(({ connection }) => connection.closed)]) void cause.then(this.#end);
    void this.closed.then(() => this.close());
  }

  start(owner: LaneOwner<Positioned>): void {
    owner.granted(this.#lanes);
  }

  close(): Promise<void> {
    this.#end(undefined);
    return (this.#closing ??= Promise.all(this.#lanes.map((lane) => lane.end())).then(() => undefined));
  }
}

/** Where each lane begins. */
export function placeOf(from: From, lane: string): To {
  if (typeof from === 'string' || !('after' in from)) return from;
  const after = from.after[lane];
  return after === undefined ? from.otherwise : { after };
}
