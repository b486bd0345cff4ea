import { type Msg, MsgHdrsImpl } from '@nats-io/transport-node';
import {
  type Incoming,
  LazyIncoming,
  type Outgoing,
  type Positioned,
  type Receipted,
  WaybillError,
} from '@waybill/core/driver';
import { eachHeader, lineOf, linesOf, valueIn } from './header-lines.ts';
import type { NatsMessageOptions } from './native.ts';
import { routingKeyOf } from './subjects.ts';

/** What a header line cannot hold, as JSON under its own name. */
const otherHeaders = 'waybill-headers';
const dedupHeader = 'Nats-Msg-Id';
const typeLine = lineOf('waybill-type');
/** Written or read by the server: none of it is a header of the user's, nor belongs to a copy. */
const isServers = (name: string): boolean => /^nats-/i.test(name);

/** Header lines that are made already. The client asks what it is given for its bytes, and for nothing else. */
class HeaderLines extends MsgHdrsImpl {
  #lines: Uint8Array = new Uint8Array();
  of(text: string): this {
    this.#lines = Buffer.from(`NATS/1.0${text}\r\n\r\n`);
    return this;
  }
  override encode(): Uint8Array {
    return this.#lines;
  }
}
const lines = new HeaderLines();

/** What a message has beside its own headers. */
interface Lines {
  /** Read by the server. */
  readonly more: Readonly<Record<string, string>>;
  /** The subject says the routing key. */
  readonly carriesRoute: boolean;
  /** The message keeps the header that duplicates are known by. */
  readonly carriesId: boolean;
}

/** Of one message, for the next `publish`: it is read there and then, so one object serves all. */
export function headersOf(message: Outgoing, { more, carriesRoute, carriesId }: Lines): MsgHdrsImpl {
  let text = '';
  let others: Record<string, string> | undefined;
  const add = (name: string, value: string): void => {
    if (isPlain(value) && !name.includes(':')) text += `\r\n${name}: ${value}`;
    else (others ??= {})[name] = value;
  };
  for (const name in more) text += `\r\n${name}: ${more[name]}`;
  if (message.id !== message.sendId || !carriesId) add('waybill-id', message.id);
  add('waybill-type', message.contentType);
  text += `\r\nwaybill-at: ${message.sentAt}`;
  if (message.key !== undefined) add('waybill-key', message.key);
  if (message.routingKey !== undefined && !carriesRoute) add('waybill-route', message.routingKey);
  if (message.replyTo !== undefined) add('waybill-reply-to', message.replyTo);
  if (message.correlationId !== undefined) add('waybill-correlation', message.correlationId);
  for (const name in message.headers) {
    const value = message.headers[name] ?? '';
    if (isServers(name)) (others ??= {})[name] = value;
    else add(name, value);
  }
  if (message.copyOf !== undefined) text += repeatedLines(message.copyOf as Msg, message.headers);
  const native = (message.native as NatsMessageOptions | undefined)?.headers;
  if (native !== undefined) text += nativeLines(native);
  if (others !== undefined) text += `\r\n${otherHeaders}: ${asciiJson(others)}`;
  return lines.of(text);
}

/** `Nats-Msg-Id` as the server compares it: any text, in one line. */
export const dedupOf = ({ sendId }: Outgoing): Readonly<Record<string, string>> => ({
  [dedupHeader]: isPlain(sendId) ? sendId : asciiJson(sendId),
});

/** A line keeps what has no line end, nothing to trim, and is text. */
const isPlain = (value: string): boolean =>
  /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) ||
  (value !== '' && !/[\r\n\0]/.test(value) && value.trim() === value && value.isWellFormed());

const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Of repeated headers a message shows the first; its copies keep all. */
function repeatedLines(original: Msg, kept: Readonly<Record<string, string>>): string {
  let text = '';
  for (const [name, [first, ...rest]] of original.headers ?? [])
    if (kept[name] === first && !isServers(name)) for (const value of rest) text += `\r\n${name}: ${value}`;
  return text;
}

function nativeLines(headers: Readonly<Record<string, string | readonly string[]>>): string {
  let text = '';
  for (const [name, values] of Object.entries(headers))
    for (const value of typeof values === 'string' ? [values] : values) {
      if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name) || typeof value !== 'string' || !isPlain(value))
        throw new WaybillError(
          'invalid',
          `NATS cannot carry the native header ${JSON.stringify(name)}: a name is printable ASCII without colon, a value one line of text`,
        );
      text += `\r\n${name}: ${value}`;
    }
  return text;
}

/** A message as it came in, decoded when somebody looks. */
class NatsMessage extends LazyIncoming implements Incoming {
  readonly native: Msg;
  readonly body: Uint8Array;
  readonly #base: string;
  #dedup: string | undefined;

  constructor(message: Msg, base: string) {
    super();
    this.native = message;
    this.body = message.data;
    this.#base = base;
  }
  /** Of a foreign message: what its producer told the server to recognise it by. */
  override get id(): string | undefined {
    return super.id ?? this.#dedup;
  }
  /** Asked of every message, and most often the only header that is: the others need not be taken apart for it. */
  override get contentType(): string | undefined {
    return valueIn(this.#lines, typeLine) ?? super.contentType;
  }
  override get routingKey(): string | undefined {
    return super.routingKey ?? routingKeyOf(this.#base, this.native.subject);
  }
  get #lines(): string {
    return linesOf(this.native, this.body);
  }
  /** Of a header that repeats, the first. */
  protected packed(): Record<string, string> {
    const found: Record<string, string> = {};
    let others: string | undefined;
    eachHeader(this.#lines, (name, value) => {
      if (name === dedupHeader) this.#dedup ??= value || undefined;
      else if (name === otherHeaders) others ??= value;
      else if (!isServers(name) && name !== '__proto__' && !Object.hasOwn(found, name)) found[name] = value;
    });
    return others ? { ...found, ...parsed(others) } : found;
  }
}

/** What somebody else wrote under that name is no JSON of ours, and then it is nothing. */
function parsed(text: string): Readonly<Record<string, string>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter(([, one]) => typeof one === 'string'));
  } catch {
    return {};
  }
}

export class InboxMessage extends NatsMessage implements Receipted<undefined> {
  readonly receipt = undefined;
}

export class QueueMessage extends NatsMessage implements Receipted<string> {
  /** When it arrived, on the clock of `performance.now()`. */
  readonly arrivedAt = performance.now();
  #attempt: number | undefined;
  get receipt(): string {
    return this.native.reply ?? '';
  }
  get attempt(): number {
    return (this.#attempt ??= Number(tokenAt(this.receipt, deliveriesAt(this.receipt))));
  }
  get redelivered(): boolean {
    return this.attempt > 1;
  }
}

export class StreamMessage extends NatsMessage implements Positioned {
  get position(): string {
    const { reply = '' } = this.native;
    return tokenAt(reply, reply.indexOf('.', deliveriesAt(reply)) + 1);
  }
}

/**
 * Where the count of deliveries stands in `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.…`; from 2.15 on servers
 * may put domain and account before the stream, which makes eleven tokens and more of nine.
 */
function deliveriesAt(reply: string): number {
  let dots = 0;
  for (let at = reply.indexOf('.'); at >= 0; at = reply.indexOf('.', at + 1)) dots++;
  let at = 0;
  for (let before = dots === 8 ? 4 : 6; before > 0; before--) at = reply.indexOf('.', at) + 1;
  return at;
}

const tokenAt = (reply: string, at: number): string => reply.slice(at, reply.indexOf('.', at));
