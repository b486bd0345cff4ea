/** What a member tells its group: kafka's ConsumerProtocolSubscription, version 2. */
export interface Subscription {
  readonly topics: readonly string[];
  /** What it holds, by topic. */
  readonly owned: ReadonlyMap<string, readonly number[]>;
  /** Of the generation in which it got them; -1 before there was one. */
  readonly generation: number;
}
export type Assignment = ReadonlyMap<string, readonly number[]>;

const version = 2;

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
const list = <T>(items: readonly T[], write: (item: T) => Buffer): Buffer =>
  Buffer.concat([int32(items.length), ...items.map(write)]);
const partitionsOf = (assignment: Assignment): Buffer =>
  list([...assignment], ([topic, partitions]) => Buffer.concat([text(topic), list(partitions, int32)]));
const noUserData = int32(-1);

export const encodeSubscription = ({ topics, owned, generation }: Subscription): Buffer =>
  Buffer.concat([int16(version), list(topics, text), noUserData, partitionsOf(owned), int32(generation)]);

export const encodeAssignment = (assignment: Assignment): Buffer =>
  Buffer.concat([int16(version), partitionsOf(assignment), noUserData]);

/** Reads along a buffer. Throws RangeError at its end. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }
  int16(): number {
    return this.#bytes.readInt16BE((this.#at += 2) - 2);
  }
  int32(): number {
    return this.#bytes.readInt32BE((this.#at += 4) - 4);
  }
  text(): string {
    const length = this.int16();
    return this.#bytes.toString('utf8', this.#at, (this.#at += length));
  }
  list<T>(read: () => T): T[] {
    return Array.from({ length: this.int32() }, read);
  }
  skipBytes(): void {
    const length = this.int32();
    this.#at += Math.max(0, length);
  }
  partitions(): Assignment {
    return new Map(this.list(() => [this.text(), this.list(() => this.int32())]));
  }
}

/** Also of members that say less, or more. */
export function decodeSubscription(bytes: Buffer): Subscription {
  const cursor = new Cursor(bytes);
  const found = cursor.int16();
  const topics = cursor.list(() => cursor.text());
  cursor.skipBytes();
  const owned: Assignment = found >= 1 && !cursor.isAtEnd ? cursor.partitions() : new Map();
  return { topics, owned, generation: found >= 2 && !cursor.isAtEnd ? cursor.int32() : -1 };
}

/** An empty buffer is an empty assignment. */
export function decodeAssignment(bytes: Buffer): Assignment {
  if (bytes.length === 0) return new Map();
  const cursor = new Cursor(bytes);
  cursor.int16();
  return cursor.partitions();
}
