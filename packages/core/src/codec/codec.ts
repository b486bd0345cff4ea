/** How values become bytes and back. Pure; called for every message. */
export interface Codec {
  /** Goes with each message, so that the other side knows what it has. */
  readonly contentType: string;
  /** Whether bytes that came with this content type can be decoded; `undefined` where a producer gave none. */
  accepts(contentType: string | undefined): boolean;
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** JSON in UTF-8. Accepts `application/json`, `*+json`, and messages that name no content type. */
export const json: Codec = {
  contentType: 'application/json',
  accepts: (contentType) =>
    contentType === undefined ||
    contentType === 'application/json' ||
    /^(application|text)\/([\w.-]+\+)?json\b/i.test(contentType),
  encode(value) {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError(`${typeof value} has no JSON form`);
    return Buffer.from(text);
  },
  decode: (bytes) => JSON.parse(toText(bytes)) as unknown,
};

/** The bytes themselves; values are `Uint8Array`. Accepts every content type. */
export const bytes: Codec = {
  contentType: 'application/octet-stream',
  accepts: () => true,
  encode(value) {
    if (!(value instanceof Uint8Array)) throw new TypeError('the bytes codec takes a Uint8Array');
    return Buffer.from(value);
  },
  decode: (received) => received,
};

/** Text in UTF-8. */
export const text: Codec = {
  contentType: 'text/plain; charset=utf-8',
  accepts: (contentType) => contentType === undefined || /^text\//i.test(contentType),
  encode(value) {
    if (typeof value !== 'string' || !value.isWellFormed())
      throw new TypeError('the text codec takes a well-formed string');
    return Buffer.from(value);
  },
  decode: (received) => toText(received),
};

/** Refuses bytes that are not UTF-8, which JSON and text would otherwise alter without a word. */
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const replacement = '\ufffd';
/** A Buffer decodes faster than a TextDecoder; only where a replacement character shows up is it done again, strictly. */
function toText(bytes: Uint8Array): string {
  const quick = bytes instanceof Buffer ? bytes.toString() : strict.decode(bytes);
  return quick.includes(replacement) ? strict.decode(bytes) : quick;
}
