import { createInbox, type Subscription } from '@nats-io/transport-node';
import {
  type Lane,
  type LaneOwner,
  type MessageReceiver,
  PushBuffer,
  type Receipted,
  type Unsettled,
  WaybillError,
} from '@waybill/core/driver';
import type { Connection } from './connection.ts';
import { InboxMessage } from './records.ts';

/** Replies: a plain subject, so what arrives is forgotten by the server already, and there is nothing to settle. */
export class InboxReceiver implements MessageReceiver<undefined>, Lane<Receipted<undefined>> {
  readonly style = 'message';
  readonly id = '';
  readonly native: Connection['client'];
  readonly closed: Promise<unknown>;
  readonly address: string;
  readonly #buffer = new PushBuffer<InboxMessage>();
  readonly #subscription: Subscription;
  readonly #forget: () => void;
  #resolve: (cause: unknown) => void = () => undefined;

  constructor({ client, settings, whenClosed }: Connection) {
    this.native = client;
    this.address = createInbox(settings.inboxPrefix);
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
    this.#subscription = client.subscribe(this.address, {
      callback: (error, message) =>
        error ? this.#end(error) : this.#buffer.push(new InboxMessage(message, this.address)),
    });
    this.#forget = whenClosed((cause) => this.#end(cause));
  }

  /** Resolves when the server knows the inbox. */
  async open(): Promise<void> {
    await this.native.flush();
  }

  start(owner: LaneOwner<Receipted<undefined>>): void {
    owner.granted([this]);
  }

  pull(limit: number, signal: AbortSignal): Promise<readonly Receipted<undefined>[]> {
    return this.#buffer.pull(limit, signal);
  }

  settle(): Promise<readonly Unsettled[]> {
    return Promise.resolve([]);
  }

  async close(): Promise<void> {
    if (!this.native.isClosed()) this.#subscription.unsubscribe();
    this.#end(undefined);
  }

  #end(cause: unknown): void {
    this.#forget();
    this.#buffer.end(cause ?? new WaybillError('closed', 'The receiver was closed'));
    this.#resolve(cause);
  }
}
