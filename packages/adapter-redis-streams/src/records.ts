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

/** The fields we write: the body, everything else as one JSON object, and how many runs failed before. */
const ourBody = 'body';
const ourHeaders = 'headers';
const ourFailures = 'failures';

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
    const found: Record<string, string> = {};
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const name = textOf(fields[at]);
      if (name !== ourHeaders && name !== ourFailures && name !== this.#bodyField)
        found[name] ??= textOf(fields[at + 1]);
    }
    return { ...found, ...headersIn(valueOf(fields, ourHeaders)) };
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
  field?.length === Buffer.byteLength(name) && field.toString() === name;

/** Ours is the last field if there is one. */
function failuresIn(fields: readonly Buffer[]): number {
  if (fields.length <= 4) return 0;
  const count = Number(valueOf(fields, ourFailures)?.toString() ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/** What is no object of texts was not written by us: a header like any other. */
function headersIn(json: Buffer | undefined): Record<string, string> {
  if (json === undefined) return {};
  const text = json.toString();
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return Object.fromEntries(
        Object.entries(value).map(([name, one]) => [name, typeof one === 'string' ? one : JSON.stringify(one)]),
      );
  } catch {
    // Not ours.
  }
  return { [ourHeaders]: text };
}

/** Entries as the server answers them: `[[id, [name, value, …]], …]`. */
export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null];
export const entriesOf = (raw: readonly RawEntry[]): Entry[] =>
  raw.flatMap(([id, fields]) => (fields === null ? [] : [{ id: id.toString('latin1'), fields }]));
