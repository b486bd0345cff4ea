import {
  bytesToText,
  type Incoming,
  type Outgoing,
  type Positioned,
  type Receipted,
  WaybillError,
} from '@waybill/core/driver';
import type { ConsumeMessage, Message, Options, XDeath } from 'amqplib';
import type { RabbitMessageOptions } from './native.ts';

/** AMQP has seconds; the rest of the time stamp travels beside them. */
const restHeader = 'waybill-ms';
const keyHeader = 'waybill-key';
const routeHeader = 'waybill-route';
/** Written by the broker about one delivery or death, or read by it as routing: none of it belongs to a copy. */
const brokerHeaders =
  /^(x-(delivery-count|acquired-count|stream-offset|death|first-death-.*|last-death-.*|opt-.*)|CC|BCC)$/;

type Headers = Readonly<Record<string, unknown>>;
const noHeaders: Readonly<Record<string, string>> = Object.freeze({});

/** Most messages need no header but this one: a table that exists already is encoded at a quarter of the cost of a new one. */
const restHeaders: Headers[] = [];
const restOnly = (rest: number): Headers => (restHeaders[rest] ??= Object.freeze({ [restHeader]: rest }));

/** What a copy takes over from the original; RabbitMQ checks that these are short strings. */
interface CopiedProperties extends Pick<RabbitMessageOptions, 'type' | 'appId' | 'contentEncoding'> {
  readonly headers: Headers | undefined;
}

export interface Route {
  readonly exchange: string;
  readonly mandatory: boolean;
  readonly persistent: boolean;
  /** What every message of the batch is routed by; topics have one for each. */
  readonly routingKey: string | undefined;
}

/** What amqplib publishes beside the body. Throws `invalid` for headers that would close the channel. */
export function publishOptions(message: Outgoing, route: Route): Options.Publish {
  const native = message.native as RabbitMessageOptions | undefined;
  const copied: CopiedProperties | undefined = (message.copyOf as Message | undefined)?.properties;
  const properties: { readonly [Name in keyof Options.Publish]: Options.Publish[Name] | undefined } = {
    persistent: route.persistent,
    mandatory: route.mandatory,
    messageId: message.id,
    contentType: message.contentType,
    timestamp: Math.floor(message.sentAt / 1000),
    headers: headersOf(message, route, native, copied?.headers),
    correlationId: message.correlationId,
    replyTo: message.replyTo,
    expiration: message.ttlMs === undefined ? undefined : Math.ceil(message.ttlMs),
    priority: message.priority,
    type: native?.type ?? copied?.type,
    appId: native?.appId ?? copied?.appId,
    contentEncoding: native?.contentEncoding ?? copied?.contentEncoding,
  };
  // amqplib leaves out what is undefined, which its types do not say.
  return properties as Options.Publish;
}

function headersOf(
  message: Outgoing,
  route: Route,
  native: RabbitMessageOptions | undefined,
  copied: Headers | undefined,
): Headers {
  const rest = message.sentAt % 1000;
  const isRouteLost = message.routingKey !== undefined && route.routingKey !== undefined;
  if (
    message.key === undefined &&
    !isRouteLost &&
    native?.headers === undefined &&
    copied === undefined &&
    isEmpty(message.headers)
  )
    return restOnly(rest);
  const headers: Record<string, unknown> = {
    ...typedOnly(copied),
    ...message.headers,
    ...native?.headers,
    [restHeader]: rest,
  };
  if (message.key !== undefined) headers[keyHeader] = message.key;
  if (isRouteLost) headers[routeHeader] = message.routingKey;
  for (const name of ['CC', 'BCC'])
    if (name in headers)
      throw new WaybillError(
        'invalid',
        `RabbitMQ reads the header "${name}" as further routing keys; use another name`,
      );
  return headers;
}

const isEmpty = (headers: object): boolean => {
  for (const _ in headers) return false;
  return true;
};

/** Copies keep numbers, dates and tables as they were. Strings are in `headers` already, where core may have taken some out. */
const typedOnly = (copied: Headers = noHeaders): Headers =>
  Object.fromEntries(
    Object.entries(copied).filter(([name, value]) => typeof value !== 'string' && !brokerHeaders.test(name)),
  );

export const bufferOf = (body: Uint8Array | null): Buffer => {
  if (body === null) return Buffer.alloc(0);
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
};

/**
 * Whether `returned` came back as `sent`. Two sends that agree in all of this are the same message twice: which of
 * them is called unroutable makes no difference to anybody.
 */
export function isSame(sent: Outgoing, route: Route, returned: Message): boolean {
  const { properties, fields, content } = returned;
  if (properties.messageId !== sent.id || fields.exchange !== route.exchange) return false;
  if (fields.routingKey !== (route.routingKey ?? sent.routingKey ?? '')) return false;
  if (properties.timestamp !== Math.floor(sent.sentAt / 1000) || !bufferOf(sent.body).equals(content)) return false;
  return Object.entries(sent.headers).every(([name, value]) => properties.headers?.[name] === value);
}

/** A header's value as text: what strings cannot carry is in `native`, and copies made by Waybill keep it. */
export function textOfValue(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return bytesToText(value);
  if (isTimestamp(value)) return new Date(value.value * 1000).toISOString();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value);
}

const isTimestamp = (value: unknown): value is { readonly value: number } =>
  typeof value === 'object' &&
  value !== null &&
  '!' in value &&
  value['!'] === 'timestamp' &&
  'value' in value &&
  Math.abs(Number(value.value)) <= 8.64e12;

const textOrAbsent = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** A message as it came in, decoded when somebody looks. */
abstract class RabbitMessage implements Incoming {
  readonly native: ConsumeMessage;
  #headers: Readonly<Record<string, string>> | undefined;

  constructor(message: ConsumeMessage) {
    this.native = message;
  }
  get body(): Uint8Array {
    return this.native.content;
  }
  get headers(): Readonly<Record<string, string>> {
    return (this.#headers ??= this.#unpack());
  }
  get id(): string | undefined {
    return textOrAbsent(this.native.properties.messageId);
  }
  get contentType(): string | undefined {
    return textOrAbsent(this.native.properties.contentType);
  }
  /** Foreign producers may give seconds only, or nothing. */
  get sentAt(): number | undefined {
    const seconds: unknown = this.native.properties.timestamp;
    if (typeof seconds !== 'number') return undefined;
    const rest = this.raw(restHeader);
    return seconds * 1000 + (typeof rest === 'number' && rest >= 0 && rest < 1000 ? rest : 0);
  }
  get key(): string | undefined {
    return textOrAbsent(this.raw(keyHeader));
  }
  /** A queue is reached through the default exchange, by its own name: that is no routing key of the message. */
  get routingKey(): string | undefined {
    return this.native.fields.exchange === '' ? textOrAbsent(this.raw(routeHeader)) : this.native.fields.routingKey;
  }
  get replyTo(): string | undefined {
    return textOrAbsent(this.native.properties.replyTo);
  }
  get correlationId(): string | undefined {
    return textOrAbsent(this.native.properties.correlationId);
  }
  get redelivered(): boolean {
    return this.native.fields.redelivered;
  }
  get priority(): number | undefined {
    const priority: unknown = this.native.properties.priority;
    return typeof priority === 'number' && priority <= 9 ? priority : undefined;
  }

  protected raw(name: string): unknown {
    const value: unknown = this.native.properties.headers?.[name];
    return value;
  }
  #unpack(): Readonly<Record<string, string>> {
    let found: Record<string, string> | undefined;
    const raw: Headers = this.native.properties.headers ?? noHeaders;
    for (const name in raw) {
      if (name === restHeader || name === keyHeader || name === routeHeader || brokerHeaders.test(name)) continue;
      (found ??= {})[name] = textOfValue(raw[name]);
    }
    const deaths = raw['x-death'];
    if (deaths !== undefined && raw[deadReason] === undefined) found = { ...found, ...causeOf(deaths) };
    return found ?? noHeaders;
  }
}

const deadReason = 'waybill-dead-reason';
const reasons: Readonly<Record<string, string>> = { delivery_limit: 'exhausted', maxlen: 'overflow' };

/** What the broker gave up by itself says why in the way of a dead letter of Waybill. The newest death comes first. */
function causeOf(deaths: unknown): Readonly<Record<string, string>> {
  const [death] = Array.isArray(deaths) ? (deaths as readonly Partial<XDeath>[]) : [];
  if (typeof death?.reason !== 'string' || typeof death.queue !== 'string') return noHeaders;
  return {
    [deadReason]: reasons[death.reason] ?? death.reason,
    'waybill-dead-error': `given up by RabbitMQ: ${death.reason}`,
    'waybill-dead-from': death.queue,
    'waybill-dead-at': String((death.time?.value ?? 0) * 1000),
  };
}

export class QueueMessage extends RabbitMessage implements Receipted<number> {
  get receipt(): number {
    return this.native.fields.deliveryTag;
  }
  /**
   * Quorum queues count from the second delivery on; from 4.3 on a message that came back without a failure has only
   * `x-acquired-count`. Classic queues count nothing, and then nothing is known.
   */
  get attempt(): number | undefined {
    const failures = this.raw('x-delivery-count');
    if (typeof failures === 'number') return failures + 1;
    return this.native.fields.redelivered && this.raw('x-acquired-count') === undefined ? undefined : 1;
  }
}

export class StreamMessage extends RabbitMessage implements Positioned {
  get position(): string {
    return String(offsetOf(this.native));
  }
}

/** Where a message stands in its stream. */
export const offsetOf = (message: ConsumeMessage): number => Number(message.properties.headers?.['x-stream-offset']);
