import { type Place, textToBytes, WaybillError } from '@waybill/core/driver';
import { metaKey, partitionKeys, type StreamKeys, streamKeys } from './names.ts';
import type { Nodes } from './nodes.ts';

/** How a stream was declared. */
export interface Layout {
  readonly keys: StreamKeys;
  readonly partitions: number;
  /** 0: kept for ever. */
  readonly retentionMs: number;
}

/** What is known of streams, asked once in the life of a link: it never changes after it was declared. */
export class Streams {
  readonly #nodes: Nodes;
  readonly #prefix: string;
  readonly #layouts = new Map<string, Layout>();
  #turn = 0;

  constructor(nodes: Nodes, prefix: string) {
    this.#nodes = nodes;
    this.#prefix = prefix;
  }

  async layoutOf(place: Place): Promise<Layout> {
    const found = this.#layouts.get(place.name);
    if (found !== undefined) return found;
    const keys = streamKeys(this.#prefix, place);
    const layout = await readLayout(this.#nodes, keys);
    if (layout === undefined) throw new WaybillError('not-found', `The stream "${place.name}" does not exist`);
    this.#layouts.set(place.name, layout);
    return layout;
  }

  /** FNV-1a of the key, so that every producer agrees; without a key in turn. */
  partitionOf(key: string | undefined, partitions: number): number {
    if (partitions === 1) return 0;
    if (key === undefined) return this.#turn++ % partitions;
    let hash = 0x811c9dc5;
    for (const byte of textToBytes(key)) hash = Math.imul(hash ^ byte, 0x01000193);
    return (hash >>> 0) % partitions;
  }
}

/** A stream that somebody else made has one partition and no retention of ours. */
export async function readLayout(nodes: Nodes, keys: StreamKeys): Promise<Layout | undefined> {
  const connection = await nodes.for(keys.stream);
  const [partitions, retentionMs] = (await connection.call(
    'HMGET',
    metaKey(keys),
    'partitions',
    'retentionMs',
  )) as (Buffer | null)[];
  const layout = { keys, partitions: Number(partitions ?? 1), retentionMs: Number(retentionMs ?? 0) };
  const { stream } = partitionKeys(keys, layout.partitions, 0);
  return (await (await nodes.for(stream)).call('EXISTS', stream)) === 1 ? layout : undefined;
}
