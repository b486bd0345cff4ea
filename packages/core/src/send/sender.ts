import { Backlog } from '../backlog.ts';
import type { Clock } from '../clock.ts';
import type { Outgoing } from '../driver/message.ts';
import type { Target } from '../driver/place.ts';
import { WaybillError } from '../error/error.ts';
import type { LinkKeeper } from '../link/link-keeper.ts';
import { Generations } from './generation.ts';
import type { Item } from './item.ts';
import { Outlet } from './outlet.ts';
import type { SendTerms } from './terms.ts';

/** The way out: a window of unconfirmed messages over all targets, and an outlet for each. */
export class Sender {
  readonly broker: string;
  readonly keeper: LinkKeeper;
  readonly clock: Clock;
  readonly window: number;
  readonly #maxWaiting: number;
  readonly #outlets = new Map<string, Outlet>();
  readonly #waiting = new Backlog<Item>();
  #unconfirmed = 0;
  #closed = false;
  /** What `flush` waits for. */
  readonly generations: Generations = new Generations();

  constructor(broker: string, keeper: LinkKeeper, clock: Clock, window: number, maxWaiting: number) {
    this.broker = broker;
    this.keeper = keeper;
    this.clock = clock;
    this.window = window;
    this.#maxWaiting = maxWaiting;
  }

  send(target: Target, message: Outgoing, terms: SendTerms): Promise<string | undefined> {
    return this.to(target, terms).send(message);
  }

  /** Callers that send often keep the outlet. */
  to(target: Target, terms: SendTerms): Outlet {
    const id = `${target.kind} ${terms.order} ${terms.resend} ${terms.timeoutMs} ${target.name}`;
    let outlet = this.#outlets.get(id);
    if (!outlet) this.#outlets.set(id, (outlet = new Outlet(target, terms, this)));
    return outlet;
  }

  /** Waits while the window is full: that is the back pressure. */
  admit(item: Item): void {
    if (this.#closed) return this.#refuse(item);
    if (this.#unconfirmed >= this.window) return this.#waiting.push(item);
    this.#unconfirmed++;
    item.outlet.add(item);
  }

  /** So many sends wait that one more would only take up memory. */
  get isCrowded(): boolean {
    return this.#waiting.size >= this.#maxWaiting;
  }

  /** A message has its outcome. */
  leave(item: Item): void {
    this.generations.leave(item.generation);
    const next = this.#waiting.shift();
    if (next) return next.outlet.add(next);
    this.#unconfirmed--;
  }

  /** Resolves when every message so far has its outcome. */
  flush(): Promise<void> {
    return this.generations.flush();
  }

  #refuse(item: Item): void {
    this.generations.leave(item.generation);
    item.waiter.failed(item.index, new WaybillError('closed', 'not sent: the bus is closed'));
  }

  close(): void {
    this.#closed = true;
    for (const outlet of this.#outlets.values()) outlet.close();
  }
}
