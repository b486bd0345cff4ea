import { abortable } from '../abort.ts';
import { type Clock, sleep } from '../clock.ts';
import type { Driver, Link } from '../driver/link.ts';
import { type ErrorCode, isRetryable, textOf, WaybillError } from '../error/error.ts';
import type { LinkState } from '../observe/events.ts';
import type { Observer } from '../observe/observer.ts';
import { backoffMs } from './backoff.ts';

/** Keeps one link alive: connects, waits for its end, connects the next. Each link is one generation. */
export class LinkKeeper {
  readonly #driver: Driver;
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #stop = new AbortController();
  /** Runs on every new link before anyone may use it. */
  readonly #prepare: (link: Link) => Promise<void>;
  #link: Link | undefined;
  #state: LinkState = 'connecting';
  #generation = 0;
  readonly #waiting = new Set<() => void>();
  readonly #loop: Promise<void>;
  #failure: unknown;

  constructor(driver: Driver, clock: Clock, observer: Observer, prepare: (link: Link) => Promise<void>) {
    this.#driver = driver;
    this.#clock = clock;
    this.#observer = observer;
    this.#prepare = prepare;
    this.#loop = this.#run();
  }

  get state(): LinkState {
    return this.#state;
  }
  /** The live link, if there is one now. */
  get current(): Link | undefined {
    return this.#link;
  }
  get generation(): number {
    return this.#generation;
  }

  /**
   * The live link, as soon as there is one. Rejects when the wait is aborted, when the keeper is closed, and, before
   * the first link, at once with what waiting cannot mend: a refused plan, wrong credentials.
   */
  async live(signal?: AbortSignal): Promise<Link> {
    while (!this.#link) {
      if (this.#state === 'closed' || this.#stop.signal.aborted) throw new WaybillError('closed', 'the bus is closed');
      if (this.#generation === 0 && this.#failure !== undefined && !isRetryable(this.codeOf(this.#failure)))
        throw this.described(this.#failure);
      if (signal?.aborted) throw this.#unavailable();
      await this.#change(signal);
    }
    return this.#link;
  }

  codeOf(error: unknown): ErrorCode {
    return WaybillError.is(error) ? error.code : this.#driver.classify(error);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wakeAll();
    await this.#link?.close();
    await this.#loop;
  }

  #unavailable(): WaybillError {
    const why = this.#failure === undefined ? '' : `: ${textOf(this.#failure)}`;
    return new WaybillError(
      'unavailable',
      `no connection to ${this.#driver.name}${why}; check that the broker runs and can be reached`,
      { broker: this.#driver.name, cause: this.#failure },
    );
  }
  /** Any error of the driver's as one of ours. */
  described(error: unknown, doing: string = `cannot connect to ${this.#driver.name}`): WaybillError {
    return WaybillError.is(error)
      ? error
      : new WaybillError(this.codeOf(error), `${doing}: ${textOf(error)}${wayOut(this.codeOf(error))}`, {
          broker: this.#driver.name,
          cause: error,
        });
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted;) {
      try {
        const link = await this.#open();
        failures = 0;
        const cause = await link.closed;
        this.#failure = cause ?? this.#failure;
        if (!this.#stop.signal.aborted) this.#become('down', undefined, cause);
      } catch (error) {
        this.#failure = error;
        failures++;
        if (!this.#stop.signal.aborted) this.#become('down', undefined, error);
      }
      await sleep(this.#clock, backoffMs(failures), this.#stop.signal);
    }
    this.#become('closed');
  }

  /** Neither a server that never answers the preparation nor one that goes away meanwhile may hold us up. */
  async #open(): Promise<Link> {
    let opened: Link | undefined;
    let blocked: string | undefined;
    const onBlocked = (reason: string | undefined): void => {
      blocked = reason;
      if (opened !== undefined && this.#link === opened) this.#become(stateOf(reason), opened, reason);
    };
    const link = (opened = await this.#driver.connect({ signal: this.#stop.signal, onBlocked }));
    const lost = link.closed.then((cause) => ({ cause: cause ?? busClosed() }));
    try {
      const prepared = abortable(this.#prepare(link), this.#stop.signal, busClosed);
      const ended = await Promise.race([prepared, lost]);
      if (ended) throw this.described(ended.cause);
    } catch (error) {
      await link.close();
      throw error;
    }
    this.#generation++;
    this.#become(stateOf(blocked), link, blocked);
    return link;
  }

  #become(state: LinkState, link?: Link, cause?: unknown): void {
    this.#link = link;
    this.#state = state;
    this.#observer.emit('link', { state, generation: this.#generation, ...(cause !== undefined && { cause }) });
    this.#wakeAll();
  }
  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #change(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}

const wayOut = (code: ErrorCode): string => (code === 'denied' ? '; check user name, password and permissions' : '');
const stateOf = (blocked: string | undefined): LinkState => (blocked === undefined ? 'live' : 'blocked');

const busClosed = (): WaybillError => new WaybillError('closed', 'the bus is closed');
