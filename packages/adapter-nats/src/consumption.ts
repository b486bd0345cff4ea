import { createInbox, type Msg, nanos, type Subscription } from '@nats-io/transport-node';
import { PushBuffer, realClock, type Timer, WaybillError } from '@waybill/core/driver';
import type { Connection } from './connection.ts';

/** The server says so often that a request still stands; after so many silences it does not. */
const heartbeatMs = 1000;
const mostSilences = 3;
/** As long as messages may go to a connection that is gone, until the server notices. */
const requestMs = 10_000;

/** A request that the server can only refuse, since no message is that small. */
const refused = JSON.stringify({ batch: 1, no_wait: true, max_bytes: 1 });

const nextOf = ({ api }: Connection, path: string): string => `${api}.CONSUMER.MSG.NEXT.${path}`;

/**
 * A server before 2.10 that finds only requests nobody listens to puts a message that was given back out of its sight,
 * until its lease is over. A request that ends at once makes it look through them; when that is answered they are gone.
 */
export function sweep(connection: Connection, path: string): Promise<unknown> {
  const request = JSON.stringify({ batch: 1, expires: nanos(1), max_bytes: 1 });
  return connection.client.request(nextOf(connection, path), request, { timeout: heartbeatMs });
}

interface Consumed {
  readonly stream: string;
  readonly consumer: string;
  /** For errors: `the queue "orders"`. */
  readonly what: string;
  /** Whoever stands still for longer has lost the consumer, and what came meanwhile lies in his socket. @default Infinity */
  readonly longestSleepMs?: number;
}

/** One consumer as one receiver pulls from it, with what it brought and nobody took yet. */
export class Consumption<M> {
  readonly buffer = new PushBuffer<M>();
  /** As `Receiver.closed`. */
  readonly closed: Promise<unknown>;
  readonly #connection: Connection;
  readonly #path: string;
  readonly #next: string;
  readonly #what: string;
  readonly #take: (message: Msg) => M | undefined;
  readonly #forget: () => void;
  /** What is asked now is answered here. */
  #inbox: Subscription | undefined;
  #unheard: Subscription | undefined;
  /** Asked for and neither arrived nor given up by the server. */
  #asked = 0;
  #heard: AbortSignal | undefined;
  #withdrawn: Promise<unknown> = Promise.resolve();
  /** What the pull that waits now wants to have. */
  #wanted = 0;
  #silences = 0;
  /** While a request stands: when this process last did something, on the clock of `performance.now()`. */
  #awakeAt = 0;
  readonly #longestSleepMs: number;
  #watch: Timer | undefined;
  #isEnded = false;
  #resolve: (cause: unknown) => void = () => undefined;

  /** `take` says what a message is to the receiver; nothing means that it is not meant. */
  constructor(
    connection: Connection,
    { stream, consumer, what, longestSleepMs = Infinity }: Consumed,
    take: (message: Msg) => M | undefined,
  ) {
    this.#connection = connection;
    this.#path = `${stream}.${consumer}`;
    this.#next = nextOf(connection, this.#path);
    this.#what = what;
    this.#take = take;
    this.#longestSleepMs = Math.max(longestSleepMs, 2 * heartbeatMs);
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
    this.#forget = connection.whenClosed((cause) => this.end(cause));
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Asks for what is missing to `limit`, and waits for the first. */
  async pull(limit: number, signal: AbortSignal): Promise<M[]> {
    this.#listenTo(signal);
    this.#wanted = signal.aborted ? 0 : limit;
    this.#ask();
    const messages = await this.buffer.pull(limit, signal);
    this.#wanted = 0;
    return messages;
  }

  /** At once, not when the pull has noticed: what is released next must not come to a request of ours. */
  #listenTo(signal: AbortSignal): void {
    if (this.#heard === signal) return;
    this.#heard = signal;
    signal.addEventListener('abort', () => this.#heard === signal && this.#withdraw(), { once: true });
  }

  /** The server forgets a request when nobody listens for its answer. What is on its way still comes. */
  #withdraw(): void {
    const inbox = this.#inbox;
    this.#inbox = undefined;
    this.#wanted = 0;
    this.#asked = 0;
    this.#unwatch();
    if (inbox === undefined || this.#connection.client.isClosed()) return;
    const left = [
      this.#withdrawn,
      inbox.drain(),
      ...(this.#connection.isForgetful ? [sweep(this.#connection, this.#path)] : []),
    ];
    this.#withdrawn = Promise.all(left).catch(() => undefined);
  }

  /** Resolves when no request of ours stands that is no longer wanted. */
  withdrawn(): Promise<unknown> {
    return this.#withdrawn;
  }

  #ask(): void {
    const missing = this.#wanted - this.#asked - this.buffer.size;
    if (missing <= 0 || this.#isEnded) return;
    this.#asked += missing;
    this.#inbox ??= this.#listen();
    const request = { batch: missing, expires: nanos(requestMs), idle_heartbeat: nanos(heartbeatMs) };
    this.#connection.client.publish(this.#next, JSON.stringify(request), { reply: this.#inbox.getSubject() });
    this.#silences = 0;
    if (this.#watch !== undefined) return;
    this.#awakeAt = performance.now();
    this.#watch = realClock.after(heartbeatMs, () => this.#tick());
  }

  #listen(): Subscription {
    const { client, settings } = this.#connection;
    const inbox: Subscription = client.subscribe(createInbox(settings.inboxPrefix), {
      callback: (error, message) => {
        if (error) return this.end(error);
        this.#awake();
        if (this.#isEnded) return;
        const isCurrent = inbox === this.#inbox;
        this.#silences = 0;
        if (message.reply) this.#received(message, isCurrent);
        else if (isCurrent) this.#told(message.headers?.code ?? 0, message);
      },
    });
    return inbox;
  }

  /** The server keeps a consumer that nobody asks for a while only. What it says to this does not matter. */
  keepAlive(): void {
    if (this.#isEnded) return;
    const { client, settings } = this.#connection;
    this.#unheard ??= client.subscribe(createInbox(settings.inboxPrefix), { callback: () => undefined });
    client.publish(this.#next, refused, { reply: this.#unheard.getSubject() });
  }

  #received(message: Msg, wasAsked: boolean): void {
    if (wasAsked && --this.#asked === 0) this.#unwatch();
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

  /** Called by all that happens, and once a second. */
  #awake(): void {
    const asleepMs = performance.now() - this.#awakeAt;
    this.#awakeAt += asleepMs;
    if (this.#watch === undefined || asleepMs <= this.#longestSleepMs) return;
    const text = `This process stood still for ${Math.round(asleepMs)} ms, so that it has lost its place at ${this.#what}`;
    this.end(new WaybillError('lease-lost', text));
  }

  #tick(): void {
    this.#awake();
    if (this.#isEnded) return;
    this.#watch = realClock.after(heartbeatMs, () => this.#tick());
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
    this.#withdraw();
    await this.#withdrawn;
  }

  end(cause: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#forget();
    this.#unwatch();
    this.buffer.take();
    this.buffer.end(cause ?? new WaybillError('closed', 'The receiver was closed'));
    this.#resolve(cause);
    if (this.#connection.client.isClosed()) return;
    this.#inbox?.unsubscribe();
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
