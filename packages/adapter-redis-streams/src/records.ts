import {
  bytesToText,
  LazyIncoming,
  type Outgoing,
  packHeaders,
  type Positioned,
  type Receipted,
} from '@waybill/core/driver';

/** One entry of a stream as it came. */
export interface Entry {
  readonly id: string;
  /** Names and values in turn. */
  readonly fields: readonly Buffer[];
}

/** The fields we write: the body, everything else as one JSON object, and in scripts how many runs failed before. */
export const ourBody = 'body';
const ourHeaders = 'headers';
const ourFailures = 'waybill-failures';

/** The value of the field `headers`. The content type comes first, where it is read without parsing the rest. */
export function headersOf(message: Outgoing): string {
  const rest = JSON.stringify(packHeaders(message, ['contentType']));
  return `${typeFirst}${JSON.stringify(message.contentType).slice(1)},${rest.slice(1)}`;
}
const typeFirst = '{"waybill-type":"';

/** As the limit counts them: body and headers, without what they are wrapped in. */
export function bytesOf({ body, headers }: Outgoing): number {
  let bytes = body?.byteLength ?? 0;
  for (const name in headers) bytes += name.length + Buffer.byteLength(headers[name] ?? '');
  return bytes;
}

export const bufferOf = (body: Uint8Array): Buffer =>
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

  /** All that core asks of most messages besides the body. */
  override get contentType(): string | undefined {
    return typeIn(valueOf(this.native.fields, ourHeaders)) ?? super.contentType;
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
  readonly native: Entry;
  /** As the group counts: 1 when it was read, one more for each claim. */
  readonly count: number;
  /** Runs that failed before, in earlier entries of the same message. */
  readonly failures: number;
}

export class QueueMessage extends RedisMessage implements Receipted<Receipt>, Receipt {
  readonly count: number;
  readonly failures: number;

  constructor(entry: Entry, count: number, bodyField: string | undefined) {
    super(entry, bodyField);
    this.count = count;
    this.failures = failuresIn(entry.fields);
  }

  get receipt(): Receipt {
    return this;
  }
  get attempt(): number {
    return this.count + this.failures;
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
  field !== undefined && field.length === name.length && startsWith(field, name);

/** Byte by byte: for so few it costs less than a call into the runtime. */
function startsWith(bytes: Buffer, text: string): boolean {
  for (let at = 0; at < text.length; at++) if (bytes[at] !== text.charCodeAt(at)) return false;
  return true;
}

/** The content type that we wrote first; nothing where it is not there, or takes parsing. */
function typeIn(json: Buffer | undefined): string | undefined {
  if (json === undefined || !startsWith(json, typeFirst)) return undefined;
  const from = typeFirst.length;
  for (let at = from; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === quote) return json.toString('latin1', from, at);
    if (byte === backslash || byte > lastOfAscii) return undefined;
  }
  return undefined;
}
const quote = 0x22;
const backslash = 0x5c;
const lastOfAscii = 0x7f;

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
export function entriesOf(raw: readonly RawEntry[]): Entry[] {
  const entries: Entry[] = [];
  for (const [id, fields] of raw) if (fields !== null) entries.push({ id: id.toString('latin1'), fields });
  return entries;
}
