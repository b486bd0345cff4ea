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
import { partitionKey, queueKeys, refuseReply, topicKey } from './names.ts';
import { placeOptionsOf } from './native.ts';
import type { Nodes } from './nodes.ts';
import type { Settings } from './options.ts';
import type { Pressure } from './pressure.ts';
import { bytesOf, fieldsOf } from './records.ts';
import { append, publish, type Script } from './scripts.ts';
import type { Streams } from './streams.ts';

/** What one script carries, or one message: the server does nothing else while it runs. */
const mostBytes = 4 << 20;

/** The script that stores messages in one place, and what it is told before the messages. */
interface Way {
  readonly script: Script;
  readonly keys: readonly [stream: string, side: string];
  readonly head: readonly Argument[];
  readonly bodyField: string | undefined;
}

interface Item {
  readonly index: number;
  readonly arguments: readonly Argument[];
  readonly bytes: number;
}

/** What became of one batch, filled by its ways. */
interface Report {
  readonly unsent: Unsent[];
  readonly positions: string[];
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
    const report: Report = { unsent: [], positions: [] };
    try {
      if (target.kind === 'stream') await this.#append(target, batch, report);
      else {
        const way = this.#wayTo(target);
        await this.#store(way, itemsOf(way, batch), report);
      }
    } catch (error) {
      // Only what comes before the first message leaves throws.
      return noneSent(batch, 'rejected', error);
    }
    if (target.kind !== 'stream') return report.unsent.length === 0 ? allSent : { unsent: report.unsent };
    return { unsent: report.unsent, position: (index) => report.positions[index] || undefined };
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
    const { bodyField } = placeOptionsOf(target);
    if (target.kind === 'topic') {
      const key = topicKey(keyPrefix, target.name);
      return { script: publish, keys: [key, key], head: [dedupWindowMs], bodyField };
    }
    const { stream, side } = queueKeys(keyPrefix, target);
    return { script: append, keys: [stream, side], head: [dedupWindowMs, 0, 0], bodyField };
  }

  /** Each partition by a script of its own. */
  async #append(target: Place, batch: readonly Outgoing[], report: Report) {
    const { keys, partitions, retentionMs } = await this.#streams.layoutOf(target);
    const { bodyField, maxLength = 0 } = placeOptionsOf(target);
    const head = [this.#settings.dedupWindowMs, retentionMs, maxLength];
    const wayTo = (partition: number): Way => ({
      script: append,
      keys: [partitionKey(keys, partitions, partition), keys.side],
      head,
      bodyField,
    });
    const parts = new Map<number, Item[]>();
    for (const item of itemsOf({ bodyField }, batch)) {
      const partition = this.#streams.partitionOf(batch[item.index]!.key, partitions);
      const part = parts.get(partition);
      if (part === undefined) parts.set(partition, [item]);
      else part.push(item);
    }
    await Promise.all(Array.from(parts, ([partition, items]) => this.#store(wayTo(partition), items, report)));
  }

  /** In order, up to the first that fails; what comes after it has not left. */
  async #store(way: Way, items: readonly Item[], report: Report): Promise<void> {
    const connection = await this.#nodes.for(way.keys[0]);
    const most = this.#settings.maxMessageBytes;
    const firstTooLarge = items.findIndex(({ bytes }) => bytes > most);
    const fit = firstTooLarge < 0 ? items : items.slice(0, firstTooLarge);
    let stored = 0;
    for (const chunk of chunksOf(fit)) {
      const args = chunk.reduce<Argument[]>((all, item) => (all.push(...item.arguments), all), [...way.head]);
      try {
        const [ids, error] = (await connection.run(way.script, way.keys, args)) as [Buffer[], Buffer];
        ids.forEach((id, at) => (report.positions[chunk[at]!.index] = id.toString('latin1')));
        stored += ids.length;
        if (error.length > 0) return this.#refused(connection, items, stored, error.toString(), report);
      } catch (error) {
        if (isRefused(error)) return refuse(items, stored, error, report);
        for (const { index } of chunk) report.unsent.push({ index, outcome: 'unknown', error });
        return refuse(items, stored + chunk.length, notReached(), report);
      }
    }
    if (stored < items.length) refuse(items, stored, tooLarge(items[stored]!.bytes, most), report);
  }

  #refused(connection: Connection, items: readonly Item[], from: number, text: string, report: Report): void {
    this.#pressure.heard(text, connection);
    refuse(items, from, new WaybillError(codeOf(text), text), report);
  }
}

function itemsOf({ bodyField }: Pick<Way, 'bodyField'>, batch: readonly Outgoing[]): Item[] {
  return batch.map((message, index) => {
    const fields = fieldsOf(message, bodyField);
    const head = [Math.ceil(message.delayMs ?? 0), message.sendId, fields.length];
    return { index, arguments: [...head, ...fields], bytes: bytesOf(message) };
  });
}

function* chunksOf(items: readonly Item[]): Iterable<readonly Item[]> {
  for (let from = 0; from < items.length;) {
    let to = from;
    for (let bytes = 0; to < items.length && (to === from || bytes + items[to]!.bytes <= mostBytes); to++)
      bytes += items[to]!.bytes;
    yield from === 0 && to === items.length ? items : items.slice(from, to);
    from = to;
  }
}

/** The one at `from` was refused, and those after it were not tried. */
function refuse(items: readonly Item[], from: number, error: unknown, { unsent }: Report): void {
  for (let at = from; at < items.length; at++)
    unsent.push({ index: items[at]!.index, outcome: 'rejected', error: at === from ? error : notReached() });
}

/** A script tells what the server refused as text. */
const codeOf = (text: string): ErrorCode => classify(Object.assign(new Error(text), { name: 'ReplyError' }));
const notReached = (): WaybillError =>
  new WaybillError('unavailable', 'Not sent, because a message before it in the same batch was not stored');
const tooLarge = (bytes: number, most: number): WaybillError =>
  new WaybillError('too-large', `A message of ${bytes} bytes is more than the ${most} of maxMessageBytes`);
