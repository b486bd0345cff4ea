import { type ApiError, JetStreamApiError } from '@nats-io/jetstream';
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { allSent, realClock, type Sent, type Timer, type Unsent, WaybillError } from '@waybill/core/driver';
import type { Connection } from './connection.ts';

/** What is published, one by one, until it says that there is no more. */
export interface Publication {
  readonly subject: string;
  readonly body: Uint8Array;
  readonly headers?: MsgHdrs;
}

type Verdict = Omit<Unsent, 'index'>;

/** One call on its way. */
interface Batch {
  readonly subjects: string[];
  /** Where the answers of its first message stands; the others follow. */
  readonly first: number;
  readonly deadline: number;
  readonly resolve: (sent: Sent) => void;
  readonly keepsAnswers: boolean;
  readonly answers: (Uint8Array | undefined)[];
  /** Index in the call, by number: what never left has none. */
  readonly indexes: number[];
  unanswered: number;
  failures: Map<number, Verdict> | undefined;
}

/** How many answered numbers are kept before the list is cut: one cut for many answers. */
const answeredKept = 1024;

/**
 * Everything that JetStream answers: messages and acknowledgements that must be confirmed. Answers come to one inbox, and
 * the last token of their subject is the number of what they answer, so that a batch costs one promise and a link one timer.
 */
export class Publisher {
  readonly #client: NatsConnection;
  readonly #inbox: string;
  readonly #timeoutMs: number;
  /** The batch of each number from `base` on, and nothing where it is answered. */
  readonly #batches: (Batch | undefined)[] = [];
  #base = 0;
  /** No lower number is open. */
  #low = 0;
  #next = 0;
  #timer: Timer | undefined;
  #ended: { readonly cause: unknown } | undefined;

  constructor(connection: Connection) {
    this.#client = connection.client;
    this.#timeoutMs = connection.settings.answerTimeoutMs;
    this.#inbox = `${createInbox(connection.settings.inboxPrefix)}.`;
    connection.client.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => (error ? this.#end(error) : this.#answered(message)),
    });
    connection.onRefused = (subject, error) => this.#refused(subject, error);
    void connection.closed.then((cause) => this.#end(cause));
  }

  /** `make` is called for each index, and may throw: then nothing of that message has left. */
  publish(count: number, make: (index: number) => Publication, keepsAnswers = false): Promise<Sent> {
    return new Promise((resolve) => {
      const batch: Batch = {
        subjects: [],
        first: this.#next,
        deadline: performance.now() + this.#timeoutMs,
        resolve,
        keepsAnswers,
        answers: [],
        indexes: [],
        unanswered: 0,
        failures: undefined,
      };
      for (let index = 0; index < count; index++) this.#publish(batch, index, make);
      batch.unanswered = batch.indexes.length;
      if (batch.unanswered === 0) settle(batch);
      else this.#arm();
    });
  }

  /**
   * To whoever listens, who confirms nothing. The server says at once when that is nobody, and it answers in order: once
   * it has answered a ping, everything before it is on its way.
   */
  async tell(count: number, make: (index: number) => Publication): Promise<Sent> {
    const first = this.#next;
    const told = this.publish(count, make);
    const end = this.#next;
    const failure = await this.#client.flush().then(
      () => undefined,
      (error: unknown) => ({ outcome: 'unknown', error }) as const,
    );
    for (let number = first; number < end; number++) {
      const batch = this.#batches[number - this.#base];
      if (batch !== undefined) this.#done(number, batch, failure);
    }
    return told;
  }

  #publish(batch: Batch, index: number, make: (index: number) => Publication): void {
    try {
      if (this.#ended) throw this.#ended.cause;
      const { subject, body, headers } = make(index);
      const reply = this.#inbox + this.#next.toString(36);
      this.#client.publish(subject, body, headers === undefined ? { reply } : { reply, headers });
      batch.indexes.push(index);
      batch.subjects.push(subject);
      this.#batches.push(batch);
      this.#next++;
    } catch (error) {
      // The client checks and encodes before it writes: nothing of this message has left.
      fail(batch, index, { outcome: 'rejected', error });
    }
  }

  #answered(message: Msg): void {
    const number = Number.parseInt(message.subject.slice(this.#inbox.length), 36);
    const batch = this.#batches[number - this.#base];
    if (batch === undefined) return;
    const refusal = refusalOf(message, batch.subjects[number - batch.first] ?? '');
    if (refusal === undefined) {
      if (batch.keepsAnswers) batch.answers[indexOf(batch, number)] = message.data;
      this.#done(number, batch);
    } else this.#done(number, batch, { outcome: 'rejected', error: refusal });
  }

  #done(number: number, batch: Batch, verdict?: Verdict): void {
    this.#batches[number - this.#base] = undefined;
    if (verdict !== undefined) fail(batch, indexOf(batch, number), verdict);
    if (--batch.unanswered === 0) settle(batch);
    while (this.#low < this.#next && this.#batches[this.#low - this.#base] === undefined) this.#low++;
    if (this.#low - this.#base < answeredKept) return;
    this.#batches.splice(0, this.#low - this.#base);
    this.#base = this.#low;
  }

  /** Without an answer in time, as while a stream has no leader: the message may have been stored all the same. */
  #arm(): void {
    if (this.#timer !== undefined) return;
    const oldest = this.#batches[this.#low - this.#base];
    if (oldest === undefined) return;
    this.#timer = realClock.after(Math.max(1, oldest.deadline - performance.now()), () => {
      this.#timer = undefined;
      const now = performance.now();
      const late = new WaybillError('timeout', `JetStream has not answered within ${this.#timeoutMs} ms`);
      this.#fail({ outcome: 'unknown', error: late }, (batch) => batch.deadline <= now);
      this.#arm();
    });
  }

  /** The server says which subject is not allowed, and of no message: all of them that are open are meant. */
  #refused(subject: string, error: unknown): void {
    this.#fail({ outcome: 'rejected', error }, (batch, number) => batch.subjects[number - batch.first] === subject);
  }

  #end(cause: unknown): void {
    this.#ended ??= { cause };
    this.#timer?.cancel();
    this.#fail({ outcome: 'unknown', error: cause }, () => true);
  }

  #fail(verdict: Verdict, isMeant: (batch: Batch, number: number) => boolean): void {
    for (let number = this.#low; number < this.#next; number++) {
      const batch = this.#batches[number - this.#base];
      if (batch !== undefined && isMeant(batch, number)) this.#done(number, batch, verdict);
    }
  }
}

const indexOf = (batch: Batch, number: number): number => batch.indexes[number - batch.first] ?? -1;

function fail(batch: Batch, index: number, verdict: Verdict): void {
  batch.failures ??= new Map();
  batch.failures.set(index, verdict);
}

function settle(batch: Batch): void {
  const unsent = [...(batch.failures ?? [])].map(([index, verdict]) => ({ index, ...verdict }));
  if (!batch.keepsAnswers) return batch.resolve(unsent.length === 0 ? allSent : { unsent });
  batch.resolve({ unsent, position: (index) => sequenceOf(batch.answers[index]) });
}

const sequenceOf = (answer: Uint8Array | undefined): string | undefined =>
  answer && /"seq":\s*(\d+)/.exec(Buffer.from(answer).toString())?.[1];

/** An acknowledgement of a message begins with its stream, one of an acknowledgement is empty. */
const good = Buffer.from('{"stream"');

function refusalOf({ data, headers }: Msg, subject: string): Error | undefined {
  if (data.length === 0)
    return headers?.code === 503 ? new WaybillError('unroutable', `No stream takes "${subject}"`) : undefined;
  if (good.compare(data, 0, good.length) === 0) return undefined;
  const error = errorIn(Buffer.from(data).toString());
  return error && new JetStreamApiError(error);
}

/** Whoever was told something may answer it in his own way, which is no refusal. */
function errorIn(text: string): ApiError | undefined {
  try {
    return (JSON.parse(text) as { readonly error?: ApiError } | null)?.error;
  } catch {
    return undefined;
  }
}
