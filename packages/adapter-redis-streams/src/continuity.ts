import { type Start, WaybillError } from '@waybill/core/driver';
import { before, isBefore, mostSequence, readId } from './ids.ts';
import { facts, script } from './scripts.ts';

/**
 * KEYS stream, side. What a stream says about itself, and what it has noted about our own trimming: up to where, and how
 * many entries.
 */
export const inspect = script(`${facts}
local stream = factsOfStream()
local notes = redis.call('HMGET', KEYS[2] .. ':meta', 'trimmed ' .. KEYS[1], 'removed ' .. KEYS[1])
return {stream['recorded-first-entry-id'], stream['last-generated-id'], stream['entries-added'], stream.length,
  notes[1] or '0-0', tonumber(notes[2] or 0)}`);

type Inspected = readonly [
  first: Buffer,
  last: Buffer,
  added: number,
  length: number,
  trimmed: Buffer,
  removed: number,
];

export type To = Start | { readonly after: string };

/**
 * Whether a reader has everything: XTRIM and XDEL leave no trace where they were, so records are counted. The number of a
 * record is how many were added up to it; it is known to who began at either end, or has been at the last one.
 */
export class Continuity {
  readonly #stream: string;
  /** Of the last record, or of the place before the first one; what comes next must be the one behind it. */
  #after = '0-0';
  #number: number | undefined;
  /** Nothing is owed before the first record that is read. */
  #isOpen = false;

  constructor(stream: string) {
    this.#stream = stream;
  }

  get after(): string {
    return this.#after;
  }

  /** Throws `invalid` for what is no position. */
  begin(to: To, answer: unknown): void {
    const [, last, added, length] = answer as Inspected;
    this.#isOpen = false;
    this.#number = undefined;
    if (to === 'earliest') [this.#after, this.#number] = [placeBefore(answer), added - length];
    else if (to === 'latest') [this.#after, this.#number] = [String(last), added];
    else if ('after' in to) this.#after = idOf(to.after);
    else {
      this.#after = `${Math.max(0, Math.ceil(to.timestamp) - 1)}-${mostSequence}`;
      this.#isOpen = true;
    }
  }

  /** So many were read, the last of them at this position. */
  advance(count: number, after: string): void {
    this.#after = after;
    this.#isOpen = false;
    if (this.#number !== undefined) this.#number += count;
  }

  /** As the stream is before the next read: what is to be said, and where to go on, if records are missing. */
  check(answer: unknown): { readonly error: WaybillError; readonly goesOn: string } | undefined {
    const [, last, added] = answer as Inspected;
    if (this.#isOpen) return undefined;
    if (!isBefore(this.#after, String(last))) {
      this.#number = added;
      return undefined;
    }
    return this.#isFollowed(answer as Inspected) ? undefined : { error: this.#missing(), goesOn: placeBefore(answer) };
  }

  /**
   * By our own notes, where nobody else has removed anything. Else by the number, and where that is not known, a record
   * that is gone itself may have been followed by others that are.
   */
  #isFollowed(answer: Inspected): boolean {
    const [, , added, length, trimmed, removedByUs] = answer;
    const removed = added - length;
    if (removed === removedByUs) return !isBefore(this.#after, String(trimmed));
    if (!isBefore(this.#after, placeBefore(answer))) return true;
    return this.#number !== undefined && removed <= this.#number;
  }

  #missing(): WaybillError {
    return new WaybillError(
      'not-found',
      `What follows position ${this.#after} of ${this.#stream} has been trimmed away; begin at "earliest" or at a timestamp`,
    );
  }
}

/** Before all that is left. */
function placeBefore(answer: unknown): string {
  const [first, last, , length] = answer as Inspected;
  return length > 0 ? before(String(first)) : String(last);
}

function idOf(position: string): string {
  const id = readId(position);
  if (id !== undefined) return id;
  throw new WaybillError('invalid', `"${position}" is no position of a Redis stream, which looks like 1700000000000-0`);
}
