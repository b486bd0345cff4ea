import type { Incoming, Outgoing, Positioned, Receipted } from '@waybill/core/driver';
import type { Alarm } from './alarms.ts';

const noHeaders: Readonly<Record<string, string>> = Object.freeze({});
const copyHeaders = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.keys(headers).length === 0 ? noHeaders : { ...headers };

/** Body plus headers, in bytes of the body and letters of the headers. */
export function sizeOf(message: Outgoing): number {
  let size = message.body?.length ?? 0;
  for (const [name, value] of Object.entries(message.headers)) size += name.length + value.length;
  return size;
}

/** A message as the broker keeps it, with bytes of its own: what the sender does to his changes nothing. */
export class Stored {
  readonly id: string;
  readonly sendId: string;
  readonly body: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly sentAt: number;
  readonly key: string | undefined;
  readonly routingKey: string | undefined;
  readonly replyTo: string | undefined;
  readonly correlationId: string | undefined;
  readonly priority: number | undefined;
  /** Epoch milliseconds, the broker's clock. */
  readonly storedAt: number;

  constructor(message: Outgoing, storedAt: number) {
    this.id = message.id;
    this.sendId = message.sendId;
    this.body = message.body === null ? null : Buffer.from(message.body);
    this.headers = copyHeaders(message.headers);
    this.contentType = message.contentType;
    this.sentAt = message.sentAt;
    this.key = message.key;
    this.routingKey = message.routingKey;
    this.replyTo = message.replyTo;
    this.correlationId = message.correlationId;
    this.priority = message.priority;
    this.storedAt = storedAt;
  }
}

/** A stored message as one consumer sees it. Body and headers are copied when looked at: he may do to them what he likes. */
class View implements Incoming {
  /** There is no client library, so there is nothing of it. */
  readonly native = undefined;
  readonly #stored: Stored;
  #body: Buffer | null | undefined;
  #headers: Readonly<Record<string, string>> | undefined;

  constructor(stored: Stored) {
    this.#stored = stored;
  }

  get body(): Buffer | null {
    if (this.#body === undefined) this.#body = this.#stored.body && Buffer.from(this.#stored.body);
    return this.#body;
  }
  get headers(): Readonly<Record<string, string>> {
    return (this.#headers ??= copyHeaders(this.#stored.headers));
  }
  get id(): string {
    return this.#stored.id;
  }
  get contentType(): string {
    return this.#stored.contentType;
  }
  get sentAt(): number {
    return this.#stored.sentAt;
  }
  get key(): string | undefined {
    return this.#stored.key;
  }
  get routingKey(): string | undefined {
    return this.#stored.routingKey;
  }
  get replyTo(): string | undefined {
    return this.#stored.replyTo;
  }
  get correlationId(): string | undefined {
    return this.#stored.correlationId;
  }
  get priority(): number | undefined {
    return this.#stored.priority;
  }
}

/** A message in one queue. */
export interface Entry {
  readonly stored: Stored;
  /** Lower goes first. Given when it first becomes ready, and kept when it is given back. */
  place: number;
  readonly priority: number;
  /** Epoch milliseconds, the broker's clock; `Infinity` for ever. */
  readonly expiresAt: number;
  /** Runs that a consumer did not take back: what `attempt` counts. */
  failures: number;
  /** Times handed out, whoever looked at it. */
  deliveries: number;
  state: 'ready' | 'out' | 'delayed' | 'gone';
  /** Its delay or its expiry, whichever waits. */
  alarm: Alarm | undefined;
}

/** One handing out of an entry. It is its own receipt, so a receipt can never settle a later delivery. */
export class Delivery extends View implements Receipted<Delivery> {
  readonly entry: Entry;
  /** Who it was handed to. */
  readonly holder: object;
  readonly attempt: number;
  readonly redelivered: boolean;
  /** Ours to settle: not yet settled, lapsed or lost. */
  held = false;
  leaseEndsAt = Infinity;
  /** Neighbours in the list of what its receiver holds. */
  previous: Delivery | undefined;
  next: Delivery | undefined;

  constructor(entry: Entry, holder: object) {
    super(entry.stored);
    this.entry = entry;
    this.holder = holder;
    this.attempt = entry.failures;
    this.redelivered = entry.deliveries > 1;
  }

  get receipt(): Delivery {
    return this;
  }
}

/** One record of a stream, as one reader sees it. */
export class StreamRecord extends View implements Positioned {
  readonly offset: number;

  constructor(stored: Stored, offset: number) {
    super(stored);
    this.offset = offset;
  }

  get position(): string {
    return String(this.offset);
  }
}
