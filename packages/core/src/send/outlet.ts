import { Backlog } from '../backlog.ts';
import { sleep, type Timer } from '../clock.ts';
import type { Link } from '../driver/link.ts';
import type { Outgoing, Sent, Unsent } from '../driver/message.ts';
import type { Target } from '../driver/place.ts';
import { noneSent } from '../driver/records.ts';
import { isRetryable, type SendFailure, textOf, WaybillError } from '../error/error.ts';
import { backoffMs } from '../link/backoff.ts';
import { Batch, type Item, ManyWaiter, OneWaiter, type Pass, type Waiter } from './item.ts';
import type { Sender } from './sender.ts';
import type { SendTerms } from './terms.ts';

/** All sends to one target: batches of one turn, one promise and one deadline per batch. */
export class Outlet {
  readonly target: Target;
  readonly #terms: SendTerms;
  readonly #sender: Sender;
  readonly #most: number;
  readonly #queued = new Backlog<Item>();
  #dispatching = 0;
  /** Handed over and not answered. */
  readonly #out: Batch[] = [];
  #scheduled = false;
  #timer: Timer | undefined;

  constructor(target: Target, terms: SendTerms, sender: Sender) {
    this.target = target;
    this.#terms = terms;
    this.#sender = sender;
    this.#most = Math.min(terms.maxBatch, Math.max(1, sender.window >> 2));
  }

  /** Resolves, with the position if there is one, when the broker has it. */
  send(message: Outgoing, now: number = this.#sender.clock.now(), pass?: Pass): Promise<string | undefined> {
    if (this.#sender.isCrowded) return Promise.reject(this.#crowded());
    return new Promise((resolve, reject) => this.#admit(message, new OneWaiter(resolve, reject), 0, now, pass));
  }

  /** One promise for all; rejects with every failure when all have their outcome. */
  sendMany(messages: readonly Outgoing[], pass?: Pass): Promise<void> {
    if (messages.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = new ManyWaiter(messages.length, (failures) =>
        failures.length === 0 ? resolve() : reject(this.#manyFailed(failures, messages.length)),
      );
      const now = this.#sender.clock.now();
      messages.forEach((message, index) => this.#admit(message, waiter, index, now, pass));
    });
  }

  /** The window has room for it. */
  add(item: Item): void {
    this.#queued.push(item);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#flush());
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #admit(message: Outgoing, waiter: Waiter, index: number, now: number, pass: Pass | undefined): void {
    const generation = this.#sender.generations.enter();
    const deadline = now + this.#terms.timeoutMs;
    this.#sender.admit({ outlet: this, message, waiter, index, generation, deadline, pass, failures: 0, told: false });
  }

  /** What is late is told so here, in a loop: thousands may be, and each would be a step deeper in `#dispatch`. */
  #flush(): void {
    this.#scheduled = false;
    while (this.#queued.size > 0 && (this.#terms.order === 'none' || this.#dispatching === 0)) {
      const items = this.#inTime(this.#take());
      if (items.length > 0) void this.#dispatch(items);
    }
  }

  /** Where a failed item would not stop a later one of its key, a call carries one item per key. */
  #take(): Item[] {
    const { order, partial } = this.#terms;
    if (order === 'none' || partial === 'prefix') return this.#queued.take(this.#most);
    const keys = new Set<string>();
    return this.#queued.takeWhere(this.#most, ({ message }) => {
      const key = order === 'total' ? '' : (message.key ?? '');
      return !keys.has(key) && keys.add(key) !== undefined;
    });
  }

  async #dispatch(items: Item[]): Promise<void> {
    // Out until the last has its outcome, also while it waits: of an ordered target nothing later may overtake it.
    this.#dispatching++;
    for (let left = items; left.length > 0; left = this.#inTime(left)) {
      const sent = await this.#hand(new Batch(left));
      left = sent.unsent.length === 0 ? this.#allStored(left, sent) : this.#conclude(left, sent);
      if (left.length > 0) await sleep(this.#sender.clock, backoffMs(left[0]!.failures));
    }
    this.#dispatching--;
    if (this.#terms.order !== 'none') this.#flush();
  }

  /** Those whose time is not up, and which nobody took back. The others were not handed over, or certainly refused: they are not stored. */
  #inTime(items: Item[]): Item[] {
    const now = this.#sender.clock.now();
    return items.filter((item) => {
      const isWithdrawn = item.pass?.withdrawn === true;
      if (item.deadline > now && !isWithdrawn) return true;
      const reason = isWithdrawn ? takenBack() : this.#sender.keeper.current ? this.#late() : this.#noLink();
      if (!item.told) this.#failed(item, 'rejected', reason);
      return false;
    });
  }

  async #hand(batch: Batch): Promise<Sent> {
    const { items } = batch;
    const link = this.#sender.keeper.current ?? (await this.#live(batch));
    if (!link) return noneSent(items, 'rejected', this.#noLink());
    this.#out.push(batch);
    this.#arm(batch.deadline);
    const messages = items.map(({ message, pass }) => {
      if (pass) pass.handed = true;
      return message;
    });
    const sent = await batch.answered(link.send(this.target, messages));
    this.#out.splice(this.#out.indexOf(batch), 1);
    return sent;
  }

  /** Waits for a link until the deadline. What was never handed over is certainly not stored. */
  async #live(batch: Batch): Promise<Link | undefined> {
    const until = new AbortController();
    const timer = this.#sender.clock.after(Math.max(0, batch.deadline - this.#sender.clock.now()), () => until.abort());
    try {
      return await this.#sender.keeper.live(until.signal);
    } catch {
      return undefined;
    } finally {
      timer.cancel();
    }
  }
  #noLink(): WaybillError {
    return this.#sender.keeper.state === 'closed'
      ? new WaybillError('closed', 'the bus is closed')
      : new WaybillError('unavailable', `no connection within ${this.#terms.timeoutMs} ms`);
  }

  #allStored(items: readonly Item[], sent: Sent): Item[] {
    for (let at = 0; at < items.length; at++) this.#stored(items[at]!, sent, at);
    return [];
  }

  #conclude(items: readonly Item[], sent: Sent): Item[] {
    const unsent = new Map(sent.unsent.map((one) => [one.index, one]));
    return items.filter((item, at) => {
      const failure = unsent.get(at);
      if (failure) return this.#again(item, failure);
      this.#stored(item, sent, at);
      return false;
    });
  }
  #stored(item: Item, sent: Sent, at: number): void {
    if (item.told) return;
    item.told = true;
    item.waiter.stored(item.index, sent, at);
    this.#sender.leave(item);
  }

  /** True: hand it over once more. False: it was told. */
  #again(item: Item, { outcome, error }: Unsent): boolean {
    if (item.told) return false;
    const { clock, keeper } = this.#sender;
    const code = keeper.codeOf(error);
    const late = clock.now() >= item.deadline || code === 'closed';
    const again =
      outcome === 'rejected' ? isRetryable(code) && this.#terms.resend !== 'never' : this.#terms.resend === 'always';
    if (again && !late) return ++item.failures > 0;
    this.#failed(item, outcome, error);
    return false;
  }
  #failed(item: Item, outcome: Unsent['outcome'], error: unknown): void {
    item.told = true;
    this.#sender.leave(item);
    item.waiter.failed(item.index, this.#described(outcome, error));
  }

  #described(outcome: Unsent['outcome'], error: unknown): WaybillError {
    const { name, kind } = this.target;
    const { broker, keeper } = this.#sender;
    const details = { broker, destination: name, cause: error };
    if (outcome === 'unknown') {
      return new WaybillError(
        'unknown-outcome',
        `${kind} ${name}: sent, but the answer was lost (${textOf(error)}); it may or may not be stored, so send it again only if twice does no harm`,
        details,
      );
    }
    return new WaybillError(
      keeper.codeOf(error),
      `${kind} ${name}: not sent: ${error instanceof Error ? error.message : String(error)}`,
      details,
    );
  }

  #crowded(): WaybillError {
    const { name, kind } = this.target;
    return new WaybillError(
      'overloaded',
      `${kind} ${name}: not sent: too many sends wait for the broker already; await them, or use sendMany`,
      { broker: this.#sender.broker, destination: name },
    );
  }

  #manyFailed(failures: readonly SendFailure[], count: number): WaybillError {
    const worst = failures.find(({ error }) => error.code === 'unknown-outcome') ?? failures[0]!;
    const message = `${failures.length} of ${count} messages not stored for certain; see failures. First: ${worst.error.message}`;
    return new WaybillError(worst.error.code, message, {
      broker: this.#sender.broker,
      destination: this.target.name,
      failures,
      cause: worst.error,
    });
  }

  /** One timer for all batches; it is not moved when one is answered. */
  #arm(deadline: number): void {
    this.#timer ??= this.#sender.clock.after(Math.max(1, deadline - this.#sender.clock.now()), () => this.#expire());
  }
  /** Those whose time is up are told; the rest of a batch waits on. */
  #expire(): void {
    this.#timer = undefined;
    const now = this.#sender.clock.now();
    let next = Infinity;
    for (const batch of this.#out) {
      for (const item of batch.items)
        if (!item.told && item.deadline <= now) this.#failed(item, 'unknown', this.#late());
      next = Math.min(next, batch.nextDeadline());
    }
    if (next < Infinity) this.#arm(next);
  }
  #late(): WaybillError {
    return new WaybillError('timeout', `no answer within ${this.#terms.timeoutMs} ms`);
  }
}

const takenBack = (): WaybillError => new WaybillError('aborted', 'its caller took it back before it was handed over');
