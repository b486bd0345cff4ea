import {
  allSent,
  type ErrorCode,
  noneSent,
  type Outgoing,
  type Place,
  type Sent,
  type Target,
  type Unsent,
  WaybillError,
} from '@waybill/core/driver';
import type { Argument, Connection } from './connection.ts';
import { classify, isRefused } from './errors.ts';
import { partitionKeys, queueKeys, refuseReply, topicKey } from './names.ts';
import { placeOptionsOf } from './native.ts';
import type { Nodes } from './nodes.ts';
import type { Settings } from './options.ts';
import type { Pressure } from './pressure.ts';
import { bufferOf, bytesOf, headersOf, ourBody } from './records.ts';
import type { Script } from './scripts.ts';
import { append, publish } from './send-scripts.ts';
import type { Streams } from './streams.ts';

/** What one script carries, or one message: the server does nothing else while it runs. */
const mostBytes = 4 << 20;

/** The script that stores messages in one place, and what it is told before the messages. */
interface Way {
  readonly script: Script;
  readonly keys: readonly [stream: string, side: string];
  readonly head: readonly [dedupWindowMs: number, retentionMs: number, maxLength: number];
  readonly bodyField: string;
}

/** Of one batch, what goes one way: indices in order. */
type Part = readonly number[];

/** What one script stored: of these, as many as there are ids in the text. */
interface Chunk {
  readonly part: Part;
  readonly ids: Buffer;
}

/** What became of one batch, filled by its ways. */
interface Report {
  readonly batch: readonly Outgoing[];
  readonly unsent: Unsent[];
  readonly stored: Chunk[];
}

export class Sender {
  readonly #nodes: Nodes;
  readonly #pressure: Pressure;
  readonly #settings: Settings;
  readonly #streams: Streams;
  readonly #ways = new Map<string, Way>();

  constructor(nodes: Nodes, settings: Settings, streams: Streams, pressure: Pressure) {
    this.#pressure = pressure;
    this.#nodes = nodes;
    this.#settings = settings;
    this.#streams = streams;
  }

  async send(target: Target, batch: readonly Outgoing[]): Promise<Sent> {
    const report: Report = { batch, unsent: [], stored: [] };
    try {
      if (target.kind === 'stream') await this.#append(target, report);
      else await this.#store(this.#wayTo(target), [...batch.keys()], report);
    } catch (error) {
      // Only what comes before the first message leaves throws.
      return noneSent(batch, 'rejected', error);
    }
    if (target.kind === 'stream') return { unsent: report.unsent, position: positionsIn(report.stored) };
    return report.unsent.length === 0 ? allSent : { unsent: report.unsent };
  }

  #wayTo(target: Target): Way {
    const known = `${target.kind} ${target.name}`;
    const found = this.#ways.get(known);
    if (found !== undefined) return found;
    const way = this.#newWay(target);
    this.#ways.set(known, way);
    return way;
  }

  #newWay(target: Target): Way {
    if (target.kind === 'reply') return refuseReply(target);
    const { keyPrefix, dedupWindowMs } = this.#settings;
    const { bodyField = ourBody } = placeOptionsOf(target);
    const head = [dedupWindowMs, 0, 0] as const;
    if (target.kind === 'topic') {
      const key = topicKey(keyPrefix, target.name);
      return { script: publish, keys: [key, key], head, bodyField };
    }
    const { stream, side } = queueKeys(keyPrefix, target);
    return { script: append, keys: [stream, side], head, bodyField };
  }

  /** Each partition by a script of its own. */
  async #append(target: Place, report: Report): Promise<void> {
    const { keys, partitions, retentionMs } = await this.#streams.layoutOf(target);
    const { bodyField = ourBody, maxLength = 0 } = placeOptionsOf(target);
    const head = [this.#settings.dedupWindowMs, retentionMs, maxLength] as const;
    const wayTo = (partition: number): Way => {
      const { stream, side } = partitionKeys(keys, partitions, partition);
      return { script: append, keys: [stream, side], head, bodyField };
    };
    const parts = new Map<number, number[]>();
    report.batch.forEach(({ key, sendId }, index) => {
      // What is sent again must meet what is remembered of it.
      const where = key ?? (head[0] > 0 ? sendId : undefined);
      const partition = this.#streams.partitionOf(where, partitions);
      const part = parts.get(partition);
      if (part === undefined) parts.set(partition, [index]);
      else part.push(index);
    });
    await Promise.all(Array.from(parts, ([partition, part]) => this.#store(wayTo(partition), part, report)));
  }

  /** In order, up to the first that fails; what comes after it has not left. */
  async #store(way: Way, part: Part, report: Report): Promise<void> {
    const connection = await this.#nodes.for(way.keys[0]);
    for (let from = 0; from < part.length;) {
      const chunk = this.#chunkOf(part, from, report);
      if (chunk.length === 0) return refuse(part, from, this.#tooLarge(report.batch[part[from]!]!), report);
      const stored = await this.#run(connection, way, chunk, report);
      from += stored.count;
      if (stored.error !== undefined) return refuse(part, from, stored.error, report);
    }
  }

  /** Resolves with how many have their outcome, and why the one after them was refused. */
  async #run(
    connection: Connection,
    way: Way,
    chunk: Part,
    report: Report,
  ): Promise<{ count: number; error?: unknown }> {
    try {
      const args = argumentsOf(way, chunk, report.batch);
      const [count, error, ids] = (await connection.run(way.script, way.keys, args)) as [number, Buffer, Buffer];
      report.stored.push({ part: chunk, ids });
      if (error.length === 0) return { count };
      const text = error.toString();
      this.#pressure.heard(text, connection);
      return { count, error: new WaybillError(codeOf(text), text) };
    } catch (error) {
      if (isRefused(error)) return { count: 0, error };
      for (const index of chunk) report.unsent.push({ index, outcome: 'unknown', error });
      return { count: chunk.length, error: notReached() };
    }
  }

  /** As many as one script carries; none where the first is larger than a message may be. */
  #chunkOf(part: Part, from: number, { batch }: Report): Part {
    let to = from;
    for (let all = 0; to < part.length; to++) {
      const bytes = bytesOf(batch[part[to]!]!);
      if (bytes > this.#settings.maxMessageBytes || (to > from && all + bytes > mostBytes)) break;
      all += bytes;
    }
    return from === 0 && to === part.length ? part : part.slice(from, to);
  }

  #tooLarge(message: Outgoing): WaybillError {
    const most = this.#settings.maxMessageBytes;
    const text = `A message of ${bytesOf(message)} bytes is more than the ${most} of maxMessageBytes`;
    return new WaybillError('too-large', text);
  }
}

/** As `storeAll` reads them: body and headers alone, unless one of the messages has more to say, or no body. */
function argumentsOf({ head, bodyField }: Way, part: Part, batch: readonly Outgoing[]): Argument[] {
  const isPlain = head[0] === 0 && part.every((index) => isPlainOne(batch[index]!));
  const args: Argument[] = [...head, isPlain ? bodyField : ''];
  for (const index of part) {
    const message = batch[index]!;
    const { body } = message;
    if (!isPlain) args.push(Math.ceil(message.delayMs ?? 0), message.sendId, body === null ? 2 : 4);
    if (!isPlain && body !== null) args.push(bodyField);
    if (body !== null) args.push(bufferOf(body));
    if (!isPlain) args.push('headers');
    args.push(headersOf(message));
  }
  return args;
}

const isPlainOne = ({ delayMs = 0, body }: Outgoing): boolean => delayMs === 0 && body !== null;

/** Looks only when it is asked. */
function positionsIn(stored: readonly Chunk[]): (index: number) => string | undefined {
  let known: Map<number, string> | undefined;
  return (index) => {
    known ??= new Map(
      stored.flatMap(({ part, ids }) =>
        ids
          .toString('latin1')
          .split(' ')
          .map((id, at) => [part[at]!, id] as const),
      ),
    );
    return known.get(index) || undefined;
  };
}

/** The one at `from` was refused, and those after it were not tried. */
function refuse(part: Part, from: number, error: unknown, { unsent }: Report): void {
  for (let at = from; at < part.length; at++)
    unsent.push({ index: part[at]!, outcome: 'rejected', error: at === from ? error : notReached() });
}

/** A script tells what the server refused as text. */
const codeOf = (text: string): ErrorCode => classify(Object.assign(new Error(text), { name: 'ReplyError' }));
const notReached = (): WaybillError =>
  new WaybillError('unavailable', 'Not sent, because a message before it in the same batch was not stored');
