/** Four bytes that hold a number: as little payload as a check of the sequence needs. */
export class NumberedBytes {
  /** Taken in turn. The bytes codec copies a value while it is sent, so one may be written again after its send. */
  readonly #buffers: readonly Buffer[];

  constructor(inUse: number) {
    this.#buffers = Array.from({ length: inUse }, () => Buffer.alloc(4));
  }

  readonly make = (index: number): Uint8Array => {
    const buffer = this.#buffers[index % this.#buffers.length]!;
    buffer.writeUInt32LE(index);
    return buffer;
  };
}

export const readNumber = (value: Uint8Array): number =>
  (value[0]! | (value[1]! << 8) | (value[2]! << 16) | (value[3]! << 24)) >>> 0;
