import { createInbox, type Msg, nanos, type Subscription } from '@nats-io/transport-node';
import { PushBuffer, realClock, type Timer, WaybillError } from '@waybill/core/driver';
import type { Connection } from './connection.ts';

/** The server says so often that a request still stands; after so many silences it does not. */
const heartbeatMs = 1000;
const mostSilences = 3;
/** As long as messages may go to a connection that is gone, until the server notices. */
const requestMs = 10_000;

/** One consumer as one receiver pulls from it, with what it brought and nobody took yet. */
export class Consumption<M> {
  readonly buffer = new PushBuffer<M>();
  /** As `Receiver.closed`. */
  readonly closed: Promise<unknown>;
  readonly #connection: Connection;
  readonly #next: string;
  readonly #what: string;
  readonly #take: (message: Msg) => M | undefined;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  #unheard: Subscription | undefined;
  /** Asked for and neither arrived nor given up by the server. */
  #asked = 0;
  /** What the pull that waits now wants to have. */
  #wanted = 0;
  #silences = 0;
  #watch: Timer | undefined;
  #isEnded = false;
  #resolve: (cause: unknown) => void = () => undefined;

  /** `take` says what a message is to the receiver; nothing means that it is not meant. */
  constructor(
    connection: Connection,
    { stream, consumer, what }: { readonly stream: string; readonly consumer: string; readonly what: string },
    take: (message: Msg) => M | undefined,
  ) {
    this.#connection = connection;
    this.#next = `${connection.api}.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.#what = what;
    this.#take = take;
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
    this.#inbox = createInbox(connection.settings.inboxPrefix);
    this.#subscription = connection.client.subscribe(this.#inbox, {
      callback: (error, message) => (error ? this.end(error) : this.#received(message)),
    });
    void connection.closed.then((cause) => this.end(cause));
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Asks for what is missing to `limit`, and waits for the first. */
  async pull(limit: number, signal: AbortSignal): Promise<M[]> {
    this.#wanted = limit;
    this.#ask();
    const messages = await this.buffer.pull(limit, signal);
    this.#wanted = 0;
    return messages;
  }

  #ask(): void {
    const missing = this.#wanted - this.#asked - this.buffer.size;
    if (missing <= 0 || this.#isEnded) return;
    this.#asked += missing;
    this.#request({ batch: missing, expires: nanos(requestMs), idle_heartbeat: nanos(heartbeatMs) }, this.#inbox);
    this.#silences = 0;
    this.#watch ??= realClock.after(heartbeatMs, () => this.#listen());
  }

  /**
   * The server keeps a consumer that nobody asks for a while only. This is a question that it can only refuse, since no
   * message is that small; what it says does not matter.
   */
  keepAlive(): void {
    if (this.#isEnded) return;
    this.#unheard ??= this.#connection.client.subscribe(`${this.#inbox}.alive`, { callback: () => undefined });
    this.#request({ batch: 1, no_wait: true, max_bytes: 1 }, this.#unheard.getSubject());
  }

  #request(request: object, reply: string): void {
    this.#connection.client.publish(this.#next, JSON.stringify(request), { reply });
  }

  #received(message: Msg): void {
    this.#silences = 0;
    if (!message.reply) return this.#told(message.headers?.code ?? 0, message);
    if (this.#asked > 0) this.#asked--;
    if (this.#asked === 0) this.#unwatch();
    const taken = this.#take(message);
    if (taken !== undefined) this.buffer.push(taken);
    else this.#ask();
  }

  /** What the server says about a request. One that is over, and how much of it is left, is asked again if it is still wanted. */
  #told(code: number, { headers }: Msg): void {
    if (code === 100) return;
    const text = headers?.description ?? '';
    const isOver = code === 408 || (code === 409 && /leadership change|batch completed|server shutdown/i.test(text));
    if (!isOver) return this.end(endOf(code, text, this.#what));
    const left = Number(headers?.get('Nats-Pending-Messages') || this.#asked);
    this.#asked = Math.max(0, this.#asked - left);
    if (this.#asked === 0) this.#unwatch();
    this.#ask();
  }

  #listen(): void {
    this.#watch = realClock.after(heartbeatMs, () => this.#listen());
    if (++this.#silences < mostSilences) return;
    const text = `The consumer of ${this.#what} has been silent for ${mostSilences * heartbeatMs} ms: it is gone, or its server is`;
    this.end(new WaybillError('unavailable', text));
  }

  #unwatch(): void {
    this.#watch?.cancel();
    this.#watch = undefined;
  }

  /** No message comes after it, and what came before is in the buffer. */
  async cancel(): Promise<void> {
    this.#wanted = 0;
    this.#unwatch();
    if (!this.#subscription.isClosed() && !this.#connection.client.isClosed()) await this.#subscription.drain();
  }

  end(cause: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#unwatch();
    this.buffer.take();
    this.buffer.end(cause ?? new WaybillError('closed', 'The receiver was closed'));
    this.#resolve(cause);
    if (this.#connection.client.isClosed()) return;
    this.#subscription.unsubscribe();
    this.#unheard?.unsubscribe();
  }
}

function endOf(code: number, text: string, what: string): WaybillError {
  if (code === 503)
    return new WaybillError('unavailable', `Nobody answers for the consumer of ${what}: it is gone, or has no leader`);
  if (code === 404 || /deleted/i.test(text))
    return new WaybillError('not-found', `The consumer of ${what} is gone: ${text}`);
  if (/maxwaiting/i.test(text))
    return new WaybillError('overloaded', `Too many wait at the consumer of ${what}: ${text}`);
  return new WaybillError('rejected', `JetStream refused to deliver from ${what}: ${code} ${text}`);
}
