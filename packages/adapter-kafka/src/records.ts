import {
  bytesToText,
  LazyIncoming,
  type Outgoing,
  packHeaders,
  type Positioned,
  textToBytes,
  WaybillError,
} from '@waybill/core/driver';
import type { KafkaMessageOptions } from './native.ts';
import type { FetchedRecord, Header, RawRecord, WireRecord } from './wire.ts';

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Kafka has a key and a time of its own; the rest of what Waybill says travels as headers. */
export function recordOf(message: Outgoing): WireRecord {
  const packed = packHeaders(message, ['key', 'sentAt']);
  const headers: Header[] = Object.entries(packed).map(([name, value]) => [headerBytes(name), headerBytes(value)]);
  return {
    key: message.key === undefined ? null : textToBytes(message.key),
    value: message.body === null ? null : bufferOf(message.body),
    headers: [...headers, ...repeatedOf(message.copyOf as RawRecord | undefined), ...nativeHeaders(message)],
    timestamp: timestampOf(message.sentAt),
  };
}

const idName = 'waybill-id';
const typeName = 'waybill-type';
const usualType = 'application/json';
const [idBytes, typeBytes, usualBytes] = [Buffer.from(idName), Buffer.from(typeName), Buffer.from(usualType)];

/** What nearly every record says is not encoded again for each. */
const said = new Map([
  [idName, idBytes],
  [typeName, typeBytes],
  [usualType, usualBytes],
]);
const headerBytes = (text: string): Buffer => said.get(text) ?? textToBytes(text);

function timestampOf(sentAt: number): number {
  if (Number.isInteger(sentAt) && sentAt >= 0) return sentAt;
  throw new WaybillError('invalid', `Kafka wants the time of sending in whole milliseconds since 1970, not ${sentAt}`);
}

const nativeHeaders = ({ native }: Outgoing): Header[] =>
  ((native as KafkaMessageOptions | undefined)?.headers ?? []).map(([name, value]) => [
    textToBytes(name),
    bufferOf(value),
  ]);

/** A copy keeps the further values of a header that came more than once; the first is in its headers, or was taken out. */
function repeatedOf(original: RawRecord | undefined): Header[] {
  const seen = new Set<string>();
  return (original?.headers ?? []).flatMap(([name, value]) => {
    const known = name.toString('latin1');
    if (seen.has(known)) return [[name, value] as const];
    seen.add(known);
    return [];
  });
}

/** About as many bytes as it takes in a batch. */
export function sizeOf({ key, value, headers }: WireRecord): number {
  let bytes = 24 + (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, content] of headers) bytes += 6 + name.length + (content?.length ?? 0);
  return bytes;
}

/** A record as it came; nothing is decoded before somebody looks. */
export class KafkaMessage extends LazyIncoming implements Positioned {
  readonly native: FetchedRecord;
  constructor(record: FetchedRecord) {
    super();
    this.native = record;
  }
  get position(): string {
    return String(this.native.offset);
  }
  get body(): Uint8Array | null {
    return this.native.value;
  }
  override get key(): string | undefined {
    return this.native.key === null ? undefined : bytesToText(this.native.key);
  }
  override get sentAt(): number {
    return this.native.timestamp;
  }
  /** Asked of every message, and most often the only header that is: the others need not be taken apart for it. */
  override get contentType(): string | undefined {
    for (const [name, value] of this.native.headers)
      if (name.equals(typeBytes)) return value?.equals(usualBytes) ? usualType : bytesToText(value ?? empty);
    return undefined;
  }
  /** Of a name that came more than once the first is shown; a header without a value reads as empty. */
  protected packed(): Record<string, string> {
    // Without a prototype: `constructor` and `__proto__` are names like any other.
    const headers = Object.create(null) as Record<string, string>;
    for (const [name, value] of this.native.headers) headers[bytesToText(name)] ??= bytesToText(value ?? empty);
    return headers;
  }
}
const empty = Buffer.alloc(0);
