import type { Incoming, Outgoing, Sent, Unsent } from './message.ts';

const fields = [
  'id',
  'contentType',
  'sentAt',
  'key',
  'routingKey',
  'replyTo',
  'correlationId',
] as const satisfies readonly (keyof Outgoing & keyof Incoming)[];
type Field = (typeof fields)[number];
export type Received = Partial<Pick<Incoming, Field>> & { readonly headers: Record<string, string> };

const headerOf: Record<Field, string> = {
  id: 'waybill-id',
  contentType: 'waybill-type',
  sentAt: 'waybill-at',
  key: 'waybill-key',
  routingKey: 'waybill-route',
  replyTo: 'waybill-reply-to',
  correlationId: 'waybill-correlation',
};

/** Fields the broker has no property for travel as headers. `carried` are those it has. */
export function packHeaders(message: Outgoing, carried: readonly Field[]): Record<string, string> {
  const headers: Record<string, string> = { ...message.headers };
  for (const field of fields) {
    const value = message[field];
    if (value !== undefined && !carried.includes(field)) headers[headerOf[field]] = String(value);
  }
  return headers;
}

const fieldOf = new Map(fields.map((field) => [headerOf[field], field]));

/** The way back: the fields found in headers, and the headers that are left. */
export function unpackHeaders(packed: Readonly<Record<string, string>>): Received {
  const found: Record<string, unknown> = {};
  const left: [name: string, value: string][] = [];
  for (const entry of Object.entries(packed)) {
    const field = fieldOf.get(entry[0]);
    if (field === undefined) left.push(entry);
    else found[field] = field === 'sentAt' ? Number(entry[1]) : entry[1];
  }
  return { ...found, headers: Object.fromEntries(left) };
}

/** An incoming message that decodes its headers when somebody looks, and then once. */
export abstract class LazyIncoming implements Incoming {
  abstract readonly body: Uint8Array | null;
  abstract readonly native: unknown;
  #found: Received | undefined;
  /** The headers as they came. */
  protected abstract packed(): Record<string, string>;
  protected get unpacked(): Received {
    return (this.#found ??= unpackHeaders(this.packed()));
  }
  get headers(): Readonly<Record<string, string>> {
    return this.unpacked.headers;
  }
  get id(): string | undefined {
    return this.unpacked.id;
  }
  get contentType(): string | undefined {
    return this.unpacked.contentType;
  }
  get sentAt(): number | undefined {
    return this.unpacked.sentAt;
  }
  get key(): string | undefined {
    return this.unpacked.key;
  }
  get routingKey(): string | undefined {
    return this.unpacked.routingKey;
  }
  get replyTo(): string | undefined {
    return this.unpacked.replyTo;
  }
  get correlationId(): string | undefined {
    return this.unpacked.correlationId;
  }
}

export const allSent: Sent = Object.freeze({ unsent: Object.freeze([]) });
export const noneSent = (batch: readonly unknown[], outcome: Unsent['outcome'], error: unknown): Sent => ({
  unsent: batch.map((_, index) => ({ index, outcome, error })),
});

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/**
 * Keys and header values are strings; brokers with bytes decode UTF-8. What is not UTF-8 comes as a string no UTF-8
 * gives (each high byte a lone surrogate, as Python's surrogateescape does): comparable, and the same bytes on the way back.
 */
export function bytesToText(bytes: Uint8Array): string {
  const view = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = view.toString();
  // Several times as fast as the decoder that refuses, which is asked only where something may have been replaced.
  if (!text.includes('\ufffd')) return text;
  try {
    return strict.decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join('');
  }
}
export function textToBytes(text: string): Buffer {
  return text.isWellFormed()
    ? Buffer.from(text)
    : Buffer.from(Array.from(text, (letter) => letter.charCodeAt(0) & 0xff));
}
