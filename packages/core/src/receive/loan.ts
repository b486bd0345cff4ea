import type { Incoming, Positioned } from '../driver/message.ts';
import type { Addressed, Settlement } from '../driver/receiver.ts';
import { textOf, invalid, WaybillError } from '../error/error.ts';
import { checkDuration, checkFields, show } from '../check.ts';
import { causeOf, countOf, ownHeaders } from '../emulate/marks.ts';
import type { Fate } from '../emulate/fate.ts';
import type { Mark } from '../settle/watermarks.ts';
import type { DeadLetterCause, Delivery, Settled, StreamRecord } from './delivery.ts';
import type { ConsumerTerms } from './terms.ts';

export type Outcome = Settlement extends infer S ? (S extends Settlement ? Omit<S, 'receipt'> : never) : never;

/** What a lane's intake does for its loans. */
export interface LoanKeeper {
  readonly lane: { readonly id: string };
  /** What a user's own `release`, `reject` and `send` mean here. */
  readonly setup: {
    readonly fate: Pick<Fate, 'retryLater' | 'bury'>;
    readonly terms: Pick<ConsumerTerms, 'output'>;
  };
  readonly source: string;
  /** A single delivery that goes back would be overtaken: all go back together, when the receiver closes. */
  readonly staysInOrder: boolean;
  settle(loan: Loan, outcome: Outcome): void;
  /** The broker has its fate. */
  settled(loan: Loan): void;
  gone(loan: Loan): void;
  start(loan: Loan): void;
  again(loan: Loan): void;
  extend(loan: Loan): Promise<Settled>;
}

/** A delivery as core holds it. Users see it as `Delivery`; what is not in that interface is between core's own parts. */
export class Loan implements Delivery, StreamRecord {
  readonly incoming: Incoming;
  value: unknown;
  /** By our clock; `Infinity` where the broker has no leases. */
  leaseEndsAt: number;
  /** Runs that failed while it was held and tried again in place. */
  heldRuns = 0;
  /** Delay queues: not passed on before, by the clock. */
  notBefore: number | undefined;
  /** A handler has begun with it, at least once. */
  hasRun = false;
  /** Its handler runs now. */
  running = false;
  /** Somebody wanted it run again while it still ran. */
  againWanted = false;
  /** Told when it is kept to be run again in place: the run that asked for it has ended. */
  onHeld: (() => void) | undefined;
  /** Its run failed, and it waits to be run again in place. */
  isHeld = false;
  /** In the list of its lane: whether it is there, and its neighbours. */
  isListed = false;
  previous: Loan | undefined;
  next: Loan | undefined;
  /** Position style: its place in the lane's prefix. */
  mark: Mark | undefined;
  /** What its handler sends through it, as long as it is not stored. */
  sending: Promise<void>[] | undefined;
  /** Exactly once: what goes out together with its position. */
  outputs: Addressed[] | undefined;
  readonly #keeper: LoanKeeper;
  #fate: 'open' | 'accept' | 'release' | 'reject' | 'lost' = 'open';
  /** What the user asked for by hand; carrying it out may take a copy first. */
  #asked: 'accept' | 'release' | 'reject' | undefined;
  #answered: Settled | undefined;
  #waiting: ((settled: Settled) => void)[] | undefined;
  #abort: AbortController | undefined;
  #headers: Readonly<Record<string, string>> | undefined;

  constructor(incoming: Incoming, keeper: LoanKeeper, leaseEndsAt: number) {
    this.incoming = incoming;
    this.leaseEndsAt = leaseEndsAt;
    this.#keeper = keeper;
  }

  get id(): string | undefined {
    return this.incoming.id;
  }
  get key(): string | undefined {
    return this.incoming.key;
  }
  get routingKey(): string | undefined {
    return this.incoming.routingKey;
  }
  get contentType(): string | undefined {
    return this.incoming.contentType;
  }
  get sentAt(): number | undefined {
    return this.incoming.sentAt;
  }
  get correlationId(): string | undefined {
    return this.incoming.correlationId;
  }
  get replyTo(): string | undefined {
    return this.incoming.replyTo;
  }
  get native(): unknown {
    return this.incoming.native;
  }
  get staysInOrder(): boolean {
    return this.#keeper.staysInOrder;
  }
  get lane(): string {
    return this.#keeper.lane.id;
  }
  get source(): string {
    return this.#keeper.source;
  }
  get position(): string {
    return (this.incoming as Positioned).position;
  }
  get headers(): Readonly<Record<string, string>> {
    return (this.#headers ??= ownHeaders(this.incoming.headers));
  }
  get deadLetter(): DeadLetterCause | undefined {
    return causeOf(this.incoming.headers);
  }
  get redelivered(): boolean {
    return this.incoming.redelivered ?? this.attempt > 1;
  }
  /** Reads a header, so core asks only when it matters. */
  get attempt(): number {
    return countOf(this.incoming.headers, 'waybill-attempts') + (this.incoming.attempt ?? 1) + this.heldRuns;
  }
  get isOpen(): boolean {
    return this.#fate === 'open';
  }
  get isLost(): boolean {
    return this.#fate === 'lost';
  }
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.isLost) this.#abort.abort(lost());
    return this.#abort.signal;
  }

  /** Open, and nobody has said yet what becomes of it. */
  get isFree(): boolean {
    return this.#fate === 'open' && this.#asked === undefined;
  }

  start(): void {
    this.#asked = this.sending = this.outputs = undefined;
    if (this.isOpen) this.#abort = undefined;
    this.#keeper.start(this);
  }
  /** Runs it again in its place. */
  again(): void {
    this.#keeper.again(this);
  }

  accept(): Promise<Settled> {
    if (!this.#claim('accept')) return this.outcome();
    if (this.sending) return this.#acceptWhenSent(this.sending);
    this.settle(accepted);
    return this.outcome();
  }
  async #acceptWhenSent(sending: readonly Promise<void>[]): Promise<Settled> {
    try {
      await Promise.all(sending);
    } catch (error) {
      this.#asked = this.sending = undefined;
      throw error;
    }
    this.settle(accepted);
    return this.outcome();
  }
  send(to: object, value: unknown, options?: object): Promise<void> {
    if (this.isLost) return Promise.reject(lost());
    const isOver = this.#asked ?? (this.running || this.isOpen ? undefined : this.#fate);
    if (isOver !== undefined) return Promise.reject(tooLate(this.source, isOver, 'sends nothing; send before'));
    const sending = this.#keeper.setup.terms.output(this, to, value, options);
    sending.catch(() => {});
    (this.sending ??= []).push(sending);
    return sending;
  }
  release(options: { readonly delayMs?: number } = {}): Promise<Settled> {
    checkFields(`${this.source}: release`, options, { delayMs: duration });
    if (!this.#claim('release')) return this.outcome();
    if (options.delayMs || this.mark !== undefined || this.staysInOrder)
      return this.#keeper.setup.fate
        .retryLater(this, options.delayMs ?? 0)
        .then(() => (this.isOpen ? 'settled' : this.outcome()));
    this.settle({ outcome: 'release', delayMs: 0, failed: false });
    return this.outcome();
  }
  reject(reason: string | Error): Promise<Settled> {
    const text = reasonOf(this.source, reason);
    if (!this.#claim('reject')) return this.outcome();
    return this.#keeper.setup.fate.bury(this, 'rejected', text).then(() => this.outcome());
  }
  async extend(): Promise<Settled> {
    return this.isOpen ? this.#keeper.extend(this) : (this.#answered ?? 'settled');
  }
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isFree) await this.release();
  }

  /** The one way to a fate. Core's own calls come here, without a promise each. */
  settle(outcome: Outcome): void {
    if (this.#fate !== 'open') return;
    this.#fate = outcome.outcome;
    this.#keeper.settle(this, outcome);
  }
  /** The settlement took effect. */
  done(): void {
    this.#keeper.settled(this);
  }
  /** The broker has it. */
  answered(): void {
    this.#answer('settled');
  }

  /** at-most-once: it was settled before it came; it only takes a slot until the handler ends. */
  forgotten(): void {
    this.#fate = 'accept';
    this.#answered = 'settled';
  }

  /** Not ours any more. */
  lose(): void {
    if (this.#fate === 'lost' || this.#answered !== undefined) return;
    this.#fate = 'lost';
    this.#answer('lost');
    this.#abort?.abort(lost());
    this.#keeper.gone(this);
  }

  /** Tells the handler to stop, for a reason other than loss. */
  interrupt(reason: WaybillError): void {
    this.#abort?.abort(reason);
  }

  /** False: said already, or lost. A second, different word is a mistake of the caller's. */
  #claim(outcome: Outcome['outcome']): boolean {
    if (this.#fate === 'lost') return false;
    const said = this.#asked ?? (this.#fate === 'open' ? undefined : this.#fate);
    if (said !== undefined && said !== outcome) {
      throw tooLate(this.source, said, `${outcome} does nothing; settle a delivery once`);
    }
    this.#asked = outcome;
    return said === undefined;
  }
  /** Resolves when the broker has its fate, or it is lost. */
  outcome(): Promise<Settled> {
    if (this.#answered !== undefined) return Promise.resolve(this.#answered);
    return new Promise((resolve) => (this.#waiting ??= []).push(resolve));
  }
  #answer(settled: Settled): void {
    this.#answered = settled;
    if (this.#waiting) for (const told of this.#waiting) told(settled);
    this.#waiting = undefined;
  }
}

const accepted: Outcome = Object.freeze({ outcome: 'accept' });
const lost = (): WaybillError =>
  new WaybillError('lease-lost', 'the delivery is no longer ours; the message will be delivered again');
const tooLate = (source: string, said: string, what: string): WaybillError =>
  new WaybillError('already-settled', `${source}: the delivery is settled with ${said}, so ${what}`);
const duration = checkDuration({});
function reasonOf(source: string, reason: unknown): string {
  if (reason instanceof Error) return textOf(reason);
  if (typeof reason === 'string' && reason !== '') return reason;
  throw invalid(`${source}: reject takes the reason, a text or an error, not ${show(reason)}`);
}

/** Given back to the broker, unrun or after a run that failed. */
export const returned: Outcome = Object.freeze({ outcome: 'release', delayMs: 0, failed: false });
export const returnedAfterFailure: Outcome = Object.freeze({ outcome: 'release', delayMs: 0, failed: true });
