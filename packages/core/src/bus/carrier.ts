import { type Clock, realClock } from '../clock.ts';
import type { Destination } from '../destination/destination.ts';
import { orderOf } from '../destination/facts.ts';
import type { Capabilities, ChannelCapabilities } from '../driver/capabilities.ts';
import type { Driver, Link } from '../driver/link.ts';
import type { Declaration } from '../driver/topology.ts';
import { WaybillError } from '../error/error.ts';
import { LinkKeeper } from '../link/link-keeper.ts';
import { Observer } from '../observe/observer.ts';
import { meet } from '../plan/meet.ts';
import { type Plan, refusals } from '../plan/plan.ts';
import { servedSteps } from '../plan/steps.ts';
import { declarations, placeOf } from '../plan/topology.ts';
import { Encoder } from '../send/encoder.ts';
import { Outbox } from '../send/outbox.ts';
import { Sender } from '../send/sender.ts';
import type { SendTerms } from '../send/terms.ts';
import type { BusOptions } from './options.ts';

interface Closable {
  close(): Promise<void>;
}

/** One broker's part of a bus: its link, its way out, its consumers, and what must exist there. */
export class Carrier {
  readonly driver: Driver;
  readonly options: BusOptions;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly keeper: LinkKeeper;
  readonly sender: Sender;
  #destinations: readonly Destination[];
  readonly #extra: Declaration[] = [];
  readonly #consumers = new Set<Closable>();
  readonly #served = new Set<string>();
  #capabilities: Capabilities;
  #plan: Plan = [];
  #closed: Promise<void> | undefined;

  constructor(driver: Driver, destinations: readonly Destination[], options: BusOptions) {
    this.driver = driver;
    this.options = options;
    this.clock = options.clock ?? realClock;
    this.observer = new Observer(driver.name, options.observe);
    this.#destinations = destinations;
    this.#capabilities = driver.capabilities;
    this.keeper = new LinkKeeper(driver, this.clock, this.observer, (link) => this.#prepare(link));
    this.sender = new Sender(
      driver.name,
      this.keeper,
      this.clock,
      options.window ?? 1000,
      options.maxWaiting ?? 100_000,
    );
  }

  get plan(): Plan {
    return this.#plan;
  }
  /** What the server can do for destinations of this kind. Only asked for destinations that the plan let pass. */
  channel(destination: Destination): ChannelCapabilities {
    return this.#capabilities[destination.kind] as ChannelCapabilities;
  }
  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  get connectTimeoutMs(): number {
    return this.options.connectTimeoutMs ?? 10_000;
  }

  /** The live link, as soon as there is one, or the reason why there is none in time. */
  async ready(): Promise<Link> {
    if (this.keeper.current) return this.keeper.current;
    const timedOut = new AbortController();
    const timer = this.clock.after(this.connectTimeoutMs, () => timedOut.abort());
    try {
      return await this.keeper.live(timedOut.signal);
    } finally {
      timer.cancel();
    }
  }

  /** One question to the broker. Whatever goes wrong comes back as an error of ours. */
  async ask<T>(doing: string, question: (link: Link) => Promise<T>): Promise<T> {
    const link = await this.ready();
    try {
      return await question(link);
    } catch (error) {
      throw this.keeper.described(error, `${this.driver.name}: cannot ${doing}`);
    }
  }

  /** One more destination on a live link: refused before any side effect, then declared. Again: in place of the former. */
  async attach(destination: Destination): Promise<void> {
    const link = await this.ready();
    const rows = meet(this.driver.name, link.capabilities, destination);
    this.#refuse(rows);
    await this.#declareNow(
      `declare ${destination.name}`,
      declarations(destination, this.channel(destination), this.driver.name),
    );
    const isSame = (one: { readonly kind: string }, name: string): boolean =>
      one.kind === destination.kind && name === destination.name;
    this.#destinations = [...this.#destinations.filter((one) => !isSame(one, one.name)), destination];
    this.#plan = [...this.#plan.filter((row) => !isSame(row, row.destination)), ...rows];
  }

  /** Makes sure that a durable subscription exists, now and on every later link. */
  async declareAlso(declaration: Declaration): Promise<void> {
    await this.#declareNow(`declare subscription ${declaration.name}`, [declaration]);
    this.#extra.push(declaration);
  }
  #declareNow(doing: string, wanted: readonly Declaration[]): Promise<void> {
    return this.ask(doing, (link) => this.#declare(link, wanted));
  }

  terms(destination: Destination): SendTerms {
    return this.#terms(this.channel(destination), orderOf(destination), this.options.sendTimeoutMs ?? 30_000);
  }
  /**
   * For copies of messages. Who sends one tries until it is stored, or until its original is lost: that is the one who
   * knows, so the outlet sends nothing twice by itself.
   */
  copyTerms(destination: Destination): SendTerms {
    return { ...this.#terms(this.channel(destination), 'none', 10_000), resend: 'never' };
  }
  #terms(channel: ChannelCapabilities, order: SendTerms['order'], timeoutMs: number): SendTerms {
    const resend = this.options.resend ?? (channel.dedup === 'none' ? 'safe' : 'always');
    return { timeoutMs, resend, order, partial: channel.partial, maxBatch: channel.limits.maxBatch };
  }

  /** A destination's way out. Handles keep it. */
  outbox(destination: Destination): Outbox {
    const channel = this.channel(destination);
    const target = { kind: destination.kind, ...placeOf(destination, this.driver.name) };
    const terms = this.terms(destination);
    return new Outbox({
      destination,
      channel,
      encoder: new Encoder(destination, channel, this.driver.name, this.clock),
      outlet: this.sender.to(target, terms),
      delayOutlet: (name) => this.sender.to({ kind: 'queue', name, order: 'none' }, { ...terms, order: 'none' }),
      steps: servedSteps(destination, channel),
      clock: this.clock,
      generations: this.sender.generations,
    });
  }

  /** Consumers end before the connection does. Returns it. */
  own<C extends Closable>(consumer: C): C {
    if (this.isClosed) void consumer.close();
    else this.#consumers.add(consumer);
    return consumer;
  }
  disown(consumer: Closable): void {
    this.#consumers.delete(consumer);
  }
  /** True once for each destination. */
  firstToServe(destination: string): boolean {
    return !this.#served.has(destination) && this.#served.add(destination) !== undefined;
  }
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Consumers drain, sends get their outcome, the link ends. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#shut();
    return this.#closed;
  }
  async #shut(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    if (this.keeper.current) await this.sender.flush();
    await this.keeper.close();
    await this.sender.flush();
    this.sender.close();
  }

  /** Plan first, then topology: a refused need has no side effect. */
  async #prepare(link: Link): Promise<void> {
    const plan = this.#destinations.flatMap((destination) => meet(this.driver.name, link.capabilities, destination));
    this.#refuse(plan);
    this.#plan = plan;
    this.#capabilities = link.capabilities;
    const wanted = this.#destinations.flatMap((destination) =>
      declarations(destination, this.channel(destination), this.driver.name),
    );
    await this.#declare(link, [
      ...new Map(
        [...wanted, ...this.#extra].map((one) => [`${one.kind} ${'topic' in one ? one.topic : ''} ${one.name}`, one]),
      ).values(),
    ]);
  }
  #refuse(plan: Plan): void {
    const refused = refusals(plan);
    if (refused !== undefined) throw new WaybillError('unsupported', refused, { broker: this.driver.name });
  }

  async #declare(link: Link, wanted: readonly Declaration[]): Promise<void> {
    const mode = this.options.topology ?? 'create';
    if (mode === 'assume' || !link.declare || wanted.length === 0) return;
    const found = await link.declare(wanted, mode);
    if (found.length === 0) return;
    const lines = found.map(
      (one) =>
        `  ${one.declaration.kind} ${one.declaration.name}: ${one.property}: wanted ${one.wanted}, found ${one.found}`,
    );
    throw new WaybillError(
      'mismatch',
      [
        `${this.driver.name} has other places than were declared; change the declaration, or remove the place and start again:`,
        ...lines,
      ].join('\n'),
      { broker: this.driver.name },
    );
  }
}
