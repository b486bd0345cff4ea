import {
  type From,
  type Lane,
  type LaneOwner,
  type Positioned,
  type PositionReceiver,
  type Start,
  WaybillError,
} from '@waybill/core/driver';
import type { Redis } from 'ioredis';
import type { Connection } from './connection.ts';
import type { Reader } from './reader.ts';
import { StreamMessage } from './records.ts';

type To = Start | { readonly after: string };

export interface LaneReading {
  readonly stream: string;
  readonly bodyField: string | undefined;
  /** A wait is interrupted so often to see whether the stream is still there, in milliseconds. */
  readonly pollMs: number;
  /** Of the whole stream, where it is noted up to where it was trimmed. */
  readonly metaKey: string;
  /** Something trims it. */
  readonly isBounded: boolean;
}

/** One partition, read by a connection of its own: a slow one holds up no other. */
export class StreamLane implements Lane<Positioned> {
  readonly id: string;
  readonly #reader: Reader;
  readonly #stream: string;
  readonly #bodyField: string | undefined;
  readonly #pollMs: number;
  readonly #isBounded: boolean;
  readonly #metaKey: string;
  /** At most once, with a group: the position moves before anything is handed out; not empty when it was not ours to move. */
  onPulled: ((through: string) => Promise<readonly unknown[]>) | undefined;
  /** Its group wants it back. */
  isLeaving = false;
  #after = '0-0';
  /** A message was at `#after`: what comes next must be the one behind it. */
  #isFollowing = false;
  #isEnded = false;

  constructor(id: string, reader: Reader, reading: LaneReading) {
    this.id = id;
    this.#reader = reader;
    this.#stream = reading.stream;
    this.#bodyField = reading.bodyField;
    this.#pollMs = reading.pollMs;
    this.#isBounded = reading.isBounded;
    this.#metaKey = reading.metaKey;
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
        const waitMs = signal.aborted ? 0 : this.#pollMs;
        const entries = await this.#reader.read(['XREAD'], limit, waitMs, this.#stream, this.#after);
        const last = entries.at(-1);
        if (last === undefined) {
          await this.#mustExist();
          continue;
        }
        await this.#mustFollow(entries[0]!.id);
        this.#after = last.id;
        this.#isFollowing = true;
        if (((await this.onPulled?.(last.id)) ?? []).length > 0) return [];
        return entries.map((entry) => new StreamMessage(entry, this.#bodyField));
      }
      return [];
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  async seek(to: To): Promise<void> {
    this.#isFollowing = typeof to === 'object' && 'after' in to;
    this.#after = await this.#idBefore(to);
  }

  /** The position before the next message. */
  get after(): string {
    return this.#after;
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#reader.unblock();
    await this.connection.close();
  }

  /** A read waits for a stream that is gone as for one that is empty. */
  async #mustExist(): Promise<void> {
    if ((await this.connection.call('EXISTS', this.#stream)) === 0)
      throw new WaybillError('not-found', `The stream ${this.#stream} does not exist any more`);
  }

  /** What was trimmed away between the last message and this one would go unnoticed. */
  async #mustFollow(first: string): Promise<void> {
    if (!this.#isBounded || !this.#isFollowing) return;
    const trimmed = await this.#trimmedTo();
    if (isBefore(this.#after, trimmed) && isBefore(trimmed, first)) throw this.#isTrimmed(this.#after, trimmed);
  }

  #isTrimmed(after: string, to: string): WaybillError {
    return new WaybillError(
      'not-found',
      `What follows position ${after} of ${this.#stream} has been trimmed away, up to ${to}; begin at "earliest" or at a timestamp`,
    );
  }

  async #idBefore(to: To): Promise<string> {
    if (to === 'earliest') return '0-0';
    if (to === 'latest') return this.#lastId();
    if ('timestamp' in to) return `${Math.max(0, Math.ceil(to.timestamp) - 1)}-${mostSequence}`;
    if (!/^\d+-\d+$/.test(to.after))
      throw new WaybillError(
        'invalid',
        `"${to.after}" is no position of a Redis stream, which looks like 1700000000000-0`,
      );
    const trimmed = await this.#trimmedTo();
    if (isBefore(to.after, trimmed)) throw this.#isTrimmed(to.after, trimmed);
    return to.after;
  }

  async #lastId(): Promise<string> {
    const facts = (await this.connection.call('XINFO', 'STREAM', this.#stream)) as readonly unknown[];
    return String(facts[facts.findIndex((one) => String(one) === 'last-generated-id') + 1]);
  }

  /** By ourselves; what others trim leaves no trace. */
  async #trimmedTo(): Promise<string> {
    const id = (await this.connection.call('HGET', this.#metaKey, `trimmed ${this.#stream}`)) as Buffer | null;
    return id?.toString('latin1') ?? '0-0';
  }
}

/** The last number that an id may have behind its milliseconds. */
const mostSequence = '18446744073709551615';

function isBefore(one: string, other: string): boolean {
  const [[ms = 0n, sequence = 0n], [otherMs = 0n, otherSequence = 0n]] = [one, other].map((id) =>
    id.split('-').map(BigInt),
  ) as [bigint[], bigint[]];
  return ms === otherMs ? sequence < otherSequence : ms < otherMs;
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
