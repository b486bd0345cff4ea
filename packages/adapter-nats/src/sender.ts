import { randomUUID } from 'node:crypto';
import { noneSent, type Outgoing, type Sent, type Target, type Unsent, WaybillError } from '@waybill/core/driver';
import type { Connection } from './connection.ts';
import { classify } from './errors.ts';
import { type Address, addressOf, missing } from './names.ts';
import type { Publication, Publisher } from './publisher.ts';
import { dedupOf, headersOf } from './records.ts';
import { routed } from './subjects.ts';

const noBody = new Uint8Array();

/** Turns messages into publications on the subjects of their places. */
export class Sender {
  readonly #connection: Connection;
  readonly #publisher: Publisher;
  readonly #maxBytes: number;
  readonly #addresses = new Map<string, Address>();
  #serverAhead: Promise<number> | undefined;

  constructor(connection: Connection, publisher: Publisher, maxBytes: number) {
    this.#connection = connection;
    this.#publisher = publisher;
    this.#maxBytes = maxBytes;
  }

  send(target: Target, batch: readonly Outgoing[]): Promise<Sent> {
    try {
      if (target.kind === 'reply') return this.#reply(target.name, batch);
      const address = this.#addressOf(target);
      if (batch.some(({ delayMs }) => delayMs !== undefined)) return this.#sendLater(address, batch);
      return this.#send(address, batch, 0);
    } catch (error) {
      return Promise.resolve(noneSent(batch, 'rejected', error));
    }
  }

  #addressOf(target: Exclude<Target, { readonly kind: 'reply' }>): Address {
    const known = `${target.kind} ${target.name}`;
    const found = this.#addresses.get(known) ?? addressOf(target);
    this.#addresses.set(known, found);
    return found;
  }

  async #sendLater(address: Address, batch: readonly Outgoing[]): Promise<Sent> {
    return this.#send(address, batch, await this.#ahead(address));
  }

  /** How far the server's clock is ahead of ours, in milliseconds: schedules are times on its clock. */
  #ahead({ stream }: Address): Promise<number> {
    this.#serverAhead ??= (async () => {
      const askedAt = Date.now();
      const { ts } = await this.#connection.manager.streams.info(stream);
      return ts === undefined ? 0 : Date.parse(ts) - (askedAt + Date.now()) / 2;
    })().catch(() => {
      this.#serverAhead = undefined;
      return 0;
    });
    return this.#serverAhead;
  }

  async #send(address: Address, batch: readonly Outgoing[], aheadMs: number): Promise<Sent> {
    const make = (index: number): Publication => this.#publication(address, batch[index] as Outgoing, aheadMs);
    const sent = await this.#publisher.publish(batch.length, make, address.kind === 'stream');
    return sent.unsent.length === 0 ? sent : { ...sent, unsent: await this.#explained(address, sent.unsent) };
  }

  #publication({ kind, subject, later }: Address, message: Outgoing, aheadMs: number): Publication {
    const body = message.body ?? noBody;
    if (body.byteLength > this.#maxBytes)
      throw new WaybillError(
        'too-large',
        `The message has ${body.byteLength} bytes; this server takes ${this.#maxBytes} beside the headers`,
      );
    const isTopic = kind === 'topic';
    const goal = isTopic ? routed(subject, message.routingKey) : subject;
    if (message.delayMs === undefined)
      return {
        subject: goal,
        body,
        headers: headersOf(message, { more: dedupOf(message), carriesRoute: isTopic, carriesId: true }),
      };
    const more = { ...dedupOf(message), ...scheduleOf(goal, Date.now() + message.delayMs + aheadMs) };
    return {
      subject: `${later}.${randomUUID()}`,
      body,
      headers: headersOf(message, { more, carriesRoute: isTopic, carriesId: false }),
    };
  }

  /** Nobody answers for a missing stream, nor for one that has no leader now: only JetStream can tell which. */
  async #explained(address: Address, unsent: readonly Unsent[]): Promise<readonly Unsent[]> {
    if (!unsent.some(({ error }) => WaybillError.is(error, 'unroutable'))) return unsent;
    const { kind, name, stream } = address;
    const reason = await this.#connection.manager.streams.info(stream).then(
      () =>
        new WaybillError('unavailable', `The stream of the ${kind} "${name}" took no message; it may have no leader`),
      (error: unknown) => (classify(error) === 'not-found' ? missing(address) : error),
    );
    return unsent.map((one) => (WaybillError.is(one.error, 'unroutable') ? { ...one, error: reason } : one));
  }

  #reply(subject: string, batch: readonly Outgoing[]): Promise<Sent> {
    const make = (index: number): Publication => {
      const message = batch[index] as Outgoing;
      return {
        subject,
        body: message.body ?? noBody,
        headers: headersOf(message, { more: {}, carriesRoute: false, carriesId: false }),
      };
    };
    return this.#publisher.tell(batch.length, make);
  }
}

/** From this server time on the server publishes the message to that subject of the same stream, and forgets the schedule. */
const scheduleOf = (goal: string, at: number): Readonly<Record<string, string>> => ({
  'Nats-Schedule': `@at ${new Date(Math.ceil(at)).toISOString()}`,
  'Nats-Schedule-Target': goal,
});
