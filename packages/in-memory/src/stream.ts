import type { From } from '@waybill/core/driver';
import { Dedup } from './dedup.ts';
import { Group } from './group.ts';
import type { Host } from './host.ts';
import { Journal } from './journal.ts';
import { Partition } from './partition.ts';
import { hashOf } from './random.ts';
import type { Stored } from './records.ts';

export interface StreamSettings {
  readonly partitions: number;
  /** Milliseconds; `Infinity` for ever. */
  readonly retentionMs: number;
}

/** A receiver, as the stream sees it. */
interface Endable {
  readonly isIdle: boolean;
  end(cause: unknown): void;
}

/** Records in partitions, and the positions of consumer groups in them. */
export class Stream {
  readonly name: string;
  readonly settings: StreamSettings;
  /** A send keeps the order of each key. With one partition that is the order of all. */
  readonly order: 'key' | 'total';
  readonly partitions: readonly Partition[];
  readonly groups = new Map<string, Group>();
  readonly receivers = new Set<Endable>();
  readonly dedup: Dedup;
  readonly sent: Journal<Stored>;
  readonly #host: Host;
  #keyless = 0;

  constructor(name: string, settings: StreamSettings, host: Host) {
    this.name = name;
    this.settings = settings;
    this.order = settings.partitions === 1 ? 'total' : 'key';
    this.partitions = Array.from({ length: settings.partitions }, (_, index) => {
      const id = settings.partitions === 1 ? '' : `${name}/${index}`;
      return new Partition(id, index, settings.retentionMs, host);
    });
    this.dedup = new Dedup(host.dedup);
    this.sent = new Journal(host.history);
    this.#host = host;
  }

  /** Returns the offset in the partition of its key; without a key they take turns. */
  put(stored: Stored): number {
    this.sent.add(stored);
    const line = stored.key === undefined ? this.#keyless++ : hashOf(stored.key) >>> 0;
    return this.partitions[line % this.partitions.length]!.append(stored);
  }

  /** The group of that name; `from` places it only if it is new. */
  group(name: string, from: From): Group {
    const known = this.groups.get(name);
    if (known) return known;
    const group = new Group(
      this.partitions,
      this.partitions.map((partition) => offsetFrom(partition, from)),
      this.#host,
    );
    this.groups.set(name, group);
    return group;
  }

  /** Records that this group, or a reader who begins there, has before it. */
  lag(group: string | undefined, from: From): number {
    const known = group === undefined ? undefined : this.groups.get(group);
    const begin = (partition: Partition): number => known?.position(partition) ?? offsetFrom(partition, from);
    return this.partitions.reduce(
      (sum, partition) => sum + Math.max(0, partition.end - Math.max(partition.start, begin(partition))),
      0,
    );
  }

  /** Drops all records, or only what one group has before it. */
  purge(group: string | undefined): void {
    const known = group === undefined ? undefined : this.groups.get(group);
    for (const partition of this.partitions) {
      if (group === undefined) partition.purge();
      else known?.place(partition, partition.end);
    }
    this.#host.changed();
  }

  remove(cause: unknown): void {
    for (const receiver of [...this.receivers]) receiver.end(cause);
  }
}

/** Where reading a partition begins. */
export function offsetFrom(partition: Partition, from: From): number {
  if (typeof from === 'string' || !('after' in from)) return partition.offsetOf(from);
  const after = from.after[partition.id];
  return partition.offsetOf(after === undefined ? from.otherwise : { after });
}
