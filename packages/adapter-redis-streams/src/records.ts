import {
  bytesToText,
  LazyIncoming,
  type Outgoing,
  packHeaders,
  type Positioned,
  type Receipted,
} from '@waybill/core/driver';
import type { Argument } from './connection.ts';

/** One entry of a stream as it came. */
export interface Entry {
  readonly id: string;
  /** Names and values in turn. */
  readonly fields: readonly Buffer[];
}

/** The fields we write: the body, everything else as one JSON object, and in scripts how many runs failed before. */
const ourBody = 'body';
const ourHeaders = 'headers';
const ourFailures = 'waybill-failures';

/** Names and values in turn; a message without a body has no such field. */
export function fieldsOf(message: Outgoing, bodyField = ourBody): Argument[] {
  const headers = JSON.stringify(packHeaders(message, []));
  const { body } = message;
  return body === null ? [ourHeaders, headers] : [bodyField, bufferOf(body), ourHeaders, headers];
}

/** As the limit counts them: body and headers, without what they are wrapped in. */
export function bytesOf({ body, headers }: Outgoing): number {
  let bytes = body?.byteLength ?? 0;
  for (const name in headers) bytes += name.length + Buffer.byteLength(headers[name] ?? '');
  return bytes;
}

const bufferOf = (body: Uint8Array): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);

/** A message of ours, or of somebody who knows nothing of us. */
abstract class RedisMessage extends LazyIncoming {
  readonly native: Entry;
  readonly #bodyField: string;

  constructor(native: Entry, bodyField = ourBody) {
    super();
    this.native = native;
    this.#bodyField = bodyField;
  }

  get body(): Uint8Array | null {
    return valueOf(this.native.fields, this.#bodyField) ?? null;
  }

  /** Fields that are not ours are headers too, the first of repeated ones. */
  protected packed(): Record<string, string> {
    const { fields } = this.native;
    const ours = headersIn(valueOf(fields, ourHeaders));
    // What we sent ourselves, and did not put back, has nothing else.
    if (fields.length === 4 && ours !== undefined && isNamed(fields[0], this.#bodyField)) return ours;
    const found = new Map<string, string>();
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const name = textOf(fields[at]);
      const isOurs = name === ourFailures || name === this.#bodyField || (name === ourHeaders && ours !== undefined);
      if (!isOurs && !found.has(name)) found.set(name, textOf(fields[at + 1]));
    }
    return { ...Object.fromEntries(found), ...ours };
  }
}

/** What settles a delivery: the entry, and which of its deliveries it was. */
export interface Receipt {
  readonly id: string;
  /** As the group counts: 1 when it was read, one more for each claim. */
  readonly count: number;
  /** Runs that failed before, in earlier entries of the same message. */
  readonly failures: number;
}

export class QueueMessage extends RedisMessage implements Receipted<Receipt> {
  readonly receipt: Receipt;

  constructor(entry: Entry, count: number, bodyField: string | undefined) {
    super(entry, bodyField);
    this.receipt = { id: entry.id, count, failures: failuresIn(entry.fields) };
  }

  get attempt(): number {
    return this.receipt.count + this.receipt.failures;
  }
  /** True also for what was given back unrun, where it was claimed. */
  get redelivered(): boolean {
    return this.attempt > 1;
  }
}

export class StreamMessage extends RedisMessage implements Positioned {
  get position(): string {
    return this.native.id;
  }
}

const textOf = (bytes: Buffer | undefined): string => (bytes === undefined ? '' : bytesToText(bytes));

function valueOf(fields: readonly Buffer[], name: string): Buffer | undefined {
  for (let at = 0; at + 1 < fields.length; at += 2) if (isNamed(fields[at], name)) return fields[at + 1];
  return undefined;
}
const isNamed = (field: Buffer | undefined, name: string): boolean =>
  field?.length === name.length && field.toString('latin1') === name;

/** Ours is the last field if there is one. */
function failuresIn(fields: readonly Buffer[]): number {
  if (fields.length <= 4) return 0;
  const count = Number(valueOf(fields, ourFailures)?.toString() ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/** Nothing for what is no JSON object: that was not written by us. Values of others become text. */
function headersIn(json: Buffer | undefined): Record<string, string> | undefined {
  const value = json === undefined ? undefined : parsed(json.toString());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const headers = value as Record<string, unknown>;
  for (const name in headers) if (typeof headers[name] !== 'string') headers[name] = JSON.stringify(headers[name]);
  return headers as Record<string, string>;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Entries as the server answers them: `[[id, [name, value, …]], …]`. */
export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null];
export const entriesOf = (raw: readonly RawEntry[]): Entry[] =>
  raw.flatMap(([id, fields]) => (fields === null ? [] : [{ id: id.toString('latin1'), fields }]));
