// As much of Kafka's protocol as tells whether a broker is ready: requests in their flexible form (KIP-482).

function uvarint(value: number): Buffer {
  const digits: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) digits.push((rest & 0x7f) | 0x80);
  return Buffer.from([...digits, rest]);
}

export function compactString(text: string): Buffer {
  return Buffer.concat([uvarint(Buffer.byteLength(text) + 1), Buffer.from(text)]);
}

/** A request with the header of version 2: size, key, version, correlation, name of the client, no tagged fields. */
export function request(key: number, version: number, body: Buffer): Buffer {
  const client = Buffer.from('waybill-testbed');
  const header = Buffer.alloc(10);
  header.writeInt16BE(key, 0);
  header.writeInt16BE(version, 2);
  header.writeInt32BE(0, 4);
  header.writeInt16BE(client.length, 8);
  const content = Buffer.concat([header, client, Buffer.from([0]), body]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(content.length);
  return Buffer.concat([size, content]);
}

/** Reads an answer from its beginning to its end; fails where it is too short. */
export class Answer {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#advance(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#advance(4));
  }

  uvarint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const digit = this.#bytes.readUInt8(this.#advance(1));
      value += (digit & 0x7f) * 2 ** shift;
      if (digit < 0x80) return value;
    }
  }

  /** Undefined for null. */
  compactString(): string | undefined {
    const length = this.uvarint() - 1;
    if (length < 0) return undefined;
    const start = this.#advance(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  array<Item>(read: () => Item): Item[] {
    return Array.from({ length: Math.max(0, this.uvarint() - 1) }, read);
  }

  /** Tagged fields, each as an answer of its own. */
  tagged(): ReadonlyMap<number, Answer> {
    const count = this.uvarint();
    return new Map(
      Array.from({ length: count }, () => {
        const tag = this.uvarint();
        const length = this.uvarint();
        const start = this.#advance(length);
        return [tag, new Answer(this.#bytes.subarray(start, start + length))] as const;
      }),
    );
  }

  #advance(count: number): number {
    const start = this.#at;
    this.#at += count;
    if (this.#at > this.#bytes.length) throw new Error('what answers is not Kafka: an answer is too short');
    return start;
  }
}
