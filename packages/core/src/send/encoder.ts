import type { Clock } from '../clock.ts';
import { show } from '../check.ts';
import { type Codec, json } from '../codec/codec.ts';
import type { Destination } from '../destination/destination.ts';
import { checksNothing, describeIssues, type SchemaResult } from '../destination/schema.ts';
import type { ChannelCapabilities } from '../driver/capabilities.ts';
import type { Outgoing } from '../driver/message.ts';
import { textOf, invalid, WaybillError } from '../error/error.ts';
import { newId } from './id.ts';
import { checkSending, type Sending } from './options.ts';

const nothing: Sending = Object.freeze({});
const noHeaders: Readonly<Record<string, string>> = Object.freeze({});

/** Turns a value into a message that the broker can carry, or refuses it before anything is sent. */
export class Encoder {
  readonly #destination: Destination;
  readonly #channel: ChannelCapabilities;
  readonly #codec: Codec;
  readonly #clock: Clock;
  readonly #driver: string;
  readonly #where: string;
  readonly #validates: boolean;
  /** What a message without a priority has, on every broker alike. */
  readonly #lowest: 0 | undefined;

  constructor(destination: Destination, channel: ChannelCapabilities, driver: string, clock: Clock) {
    this.#destination = destination;
    this.#channel = channel;
    this.#codec = destination.options.codec ?? json;
    this.#clock = clock;
    this.#driver = driver;
    this.#where = `${destination.kind} ${destination.name}`;
    this.#validates = !checksNothing(destination.schema);
    this.#lowest = destination.needs.priority === undefined ? undefined : 0;
  }

  /** A promise only where the schema validates asynchronously. */
  encode(value: unknown, options: Sending = nothing): Outgoing | Promise<Outgoing> {
    if (options !== nothing) this.#check(options);
    if (!this.#validates || this.#isTombstone(value)) return this.#message(value, options);
    const result = this.#destination.schema!['~standard'].validate(value);
    return result instanceof Promise
      ? result.then((done) => this.#validated(value, done, options))
      : this.#validated(value, result, options);
  }

  #validated(value: unknown, result: SchemaResult<unknown>, options: Sending): Outgoing {
    if (result.issues) throw this.#invalid(`the message does not match the schema: ${describeIssues(result.issues)}`);
    return this.#message(value, options);
  }

  #message(value: unknown, options: Sending): Outgoing {
    const id = options.id ?? newId();
    const message: Outgoing = {
      id,
      sendId: id,
      body: this.#body(value),
      contentType: this.#codec.contentType,
      sentAt: this.#clock.now(),
      headers: options.headers === undefined ? noHeaders : { ...options.headers },
      key: this.#key(value, options.key),
      routingKey: options.routingKey,
      replyTo: options.replyTo,
      correlationId: options.correlationId,
      delayMs: options.delayMs || undefined,
      ttlMs: options.ttlMs,
      priority: options.priority ?? this.#lowest,
      native: options.native,
    };
    this.#checkSize(message);
    return message;
  }

  /** `null` is a tombstone where the stream has them, and otherwise a value like any other. */
  #isTombstone(value: unknown): boolean {
    return value === null && 'tombstone' in this.#channel && this.#channel.tombstone === 'native';
  }
  #body(value: unknown): Uint8Array | null {
    if (this.#isTombstone(value)) return null;
    try {
      return this.#codec.encode(value);
    } catch (cause) {
      throw this.#invalid(`the message cannot be encoded as ${this.#codec.contentType}: ${textOf(cause)}`, cause);
    }
  }

  #key(value: unknown, given: string | undefined): string | undefined {
    if (given !== undefined) return given;
    const { options } = this.#destination;
    if (this.#isTombstone(value))
      throw this.#invalid('null marks a key as deleted, so it needs one: append(null, { key })');
    if (options.key === undefined) return undefined;
    const key = this.#keyOf(options.key, value);
    if (typeof key === 'string' && key.isWellFormed()) return key;
    throw this.#invalid(`key() must return well-formed text, not ${show(key)}`);
  }
  #keyOf(key: (value: unknown) => unknown, value: unknown): unknown {
    try {
      return key(value);
    } catch (cause) {
      throw this.#invalid(`key() threw: ${textOf(cause)}`, cause);
    }
  }

  #checkSize({ body, headers }: Outgoing): void {
    const { maxBytes } = this.#channel.limits;
    let bytes = body?.byteLength ?? 0;
    if (headers !== noHeaders)
      for (const [name, value] of Object.entries(headers)) bytes += name.length + Buffer.byteLength(value);
    if (bytes <= maxBytes) return;
    throw new WaybillError(
      'too-large',
      `${this.#where}: the message has ${bytes} bytes with its headers, and ${this.#driver} carries at most ${maxBytes}; send a reference to it instead`,
      { broker: this.#driver, destination: this.#destination.name },
    );
  }

  /** Delay, time to live and priority are planned for at start-up, so what was not asked for is refused. */
  #check(options: Sending): void {
    checkSending(this.#where, this.#destination.kind, options);
    for (const [option, need] of planned) {
      if (options[option] !== undefined && this.#destination.needs[need] === undefined)
        throw this.#invalid(`${option} needs the destination's word first: add needs: { ${need}: true }`);
    }
    const { delay, limits } = this.#channel;
    if (delay === 'native' && (options.delayMs ?? 0) > limits.maxDelayMs)
      throw this.#invalid(
        `delayMs is ${options.delayMs}, and ${this.#driver} keeps a message at most ${limits.maxDelayMs} ms`,
      );
  }

  #invalid(message: string, cause?: unknown): WaybillError {
    return invalid(`${this.#where}: ${message}`, {
      broker: this.#driver,
      destination: this.#destination.name,
      cause,
    });
  }
}

const planned = [
  ['delayMs', 'delay'],
  ['ttlMs', 'ttl'],
  ['priority', 'priority'],
] as const;
