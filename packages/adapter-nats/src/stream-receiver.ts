import { randomUUID } from 'node:crypto';
import { AckPolicy, type ConsumerConfig, DeliverPolicy } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import {
  type From,
  type Lane,
  type LaneOwner,
  type Positioned,
  type PositionReceiver,
  type Start,
  WaybillError,
} from '@waybill/core/driver';
import { filterOf } from './blueprint.ts';
import type { Connection } from './connection.ts';
import { Consumption } from './consumption.ts';
import type { Address } from './names.ts';
import { StreamMessage } from './records.ts';

type To = Start | { readonly after: string };

/** The server forgets a reader that asks for nothing for so long. */
const forgottenAfterMs = 300_000;

/** A stream read in order, through a consumer that is nobody else's and keeps no position. */
export class StreamReceiver implements PositionReceiver, Lane<Positioned> {
  readonly style = 'position';
  readonly id = '';
  readonly native: Connection['client'];
  readonly closed: Promise<unknown>;
  readonly #connection: Connection;
  readonly #address: Address;
  #consumption: Consumption<StreamMessage> | undefined;
  #consumer = '';
  #isEnded = false;
  #resolve: (cause: unknown) => void = () => undefined;

  constructor(connection: Connection, address: Address) {
    this.native = connection.client;
    this.#connection = connection;
    this.#address = address;
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
  }

  start(owner: LaneOwner<Positioned>): void {
    owner.granted([this]);
  }

  /** One lane, whose id is `''`. */
  open(from: From): Promise<void> {
    if (typeof from === 'string' || !('after' in from)) return this.#attach(from);
    const after = from.after[''];
    return this.#attach(after === undefined ? from.otherwise : { after });
  }

  async pull(limit: number, signal: AbortSignal): Promise<readonly Positioned[]> {
    return (await this.#consumption?.pull(limit, signal)) ?? [];
  }

  async seek(to: To): Promise<void> {
    await this.#leave();
    await this.#attach(to);
  }

  async close(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    await this.#leave();
    this.#resolve(undefined);
  }

  async #attach(to: To): Promise<void> {
    const { stream, name, subject } = this.#address;
    const { manager } = this.#connection;
    const beginning =
      'after' in Object(to) ? await this.#afterPosition((to as { after: string }).after) : beginningOf(to as Start);
    this.#consumer = `waybill-${randomUUID()}`;
    await manager.consumers.add(stream, {
      name: this.#consumer,
      ack_policy: AckPolicy.None,
      inactive_threshold: nanos(forgottenAfterMs),
      mem_storage: true,
      num_replicas: 1,
      ...filterOf([subject]),
      ...beginning,
    });
    const consumption = new Consumption(
      this.#connection,
      { stream, consumer: this.#consumer, what: `the stream "${name}"` },
      (message) => new StreamMessage(message, subject),
    );
    this.#consumption = consumption;
    void consumption.closed.then((cause) => this.#consumption === consumption && this.#end(cause));
  }

  /** JetStream begins in silence with the next message that it has, and waits for a position that will never come. */
  async #afterPosition(after: string): Promise<Partial<ConsumerConfig>> {
    const { stream, name } = this.#address;
    const position = /^\d+$/.test(after) ? Number(after) : Number.NaN;
    const refuse = (why: string): never => {
      throw new WaybillError('invalid', `The stream "${name}" cannot be read after "${after}": ${why}`);
    };
    if (!Number.isSafeInteger(position)) return refuse('a position of JetStream is a whole number');
    const { state } = await this.#connection.manager.streams.info(stream);
    if (position > state.last_seq)
      return refuse(`it ends at ${state.last_seq}, so it is another stream than the position's`);
    if (position + 1 < state.first_seq)
      return refuse(`what follows was removed, the first message is ${state.first_seq}; read from "earliest" instead`);
    return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: position + 1 };
  }

  async #leave(): Promise<void> {
    const consumption = this.#consumption;
    this.#consumption = undefined;
    await consumption?.cancel().catch(() => undefined);
    consumption?.end(undefined);
    await this.#connection.manager.consumers.delete(this.#address.stream, this.#consumer).catch(() => undefined);
  }

  #end(cause: unknown): void {
    this.#isEnded = true;
    this.#resolve(cause);
  }
}

function beginningOf(to: Start): Partial<ConsumerConfig> {
  if (to === 'earliest') return { deliver_policy: DeliverPolicy.All };
  if (to === 'latest') return { deliver_policy: DeliverPolicy.New };
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(to.timestamp).toISOString() };
}
