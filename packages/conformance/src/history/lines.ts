import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 10;

export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** `false` only for the last line of a file whose writer was killed before the newline. */
  readonly isWhole: boolean;
}

/** The lines of a file, a quarter of a megabyte in memory at a time. */
export function* readLines(file: string): Generator<Line, void> {
  const descriptor = openSync(file, 'r');
  try {
    let number = 0;
    let rest: Buffer = Buffer.alloc(0);
    for (let chunk = readChunk(descriptor); chunk.length > 0; chunk = readChunk(descriptor)) {
      const end = chunk.lastIndexOf(NEWLINE);
      if (end < 0) {
        rest = Buffer.concat([rest, chunk]);
        continue;
      }
      const whole = Buffer.concat([rest, chunk.subarray(0, end)]).toString();
      for (const text of whole.split('\n')) yield { text, number: (number += 1), isWhole: true };
      rest = chunk.subarray(end + 1);
    }
    if (rest.length > 0) yield { text: rest.toString(), number: number + 1, isWhole: false };
  } finally {
    closeSync(descriptor);
  }
}

function readChunk(descriptor: number): Buffer {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  return chunk.subarray(0, readSync(descriptor, chunk, 0, CHUNK_BYTES, null));
}
