import type { Destination } from '../destination/destination.ts';
import type { Outgoing } from '../driver/message.ts';
import type { Addressed } from '../driver/receiver.ts';
import type { Clock } from '../clock.ts';
import { abortable } from '../abort.ts';
import { textOf, invalid, WaybillError } from '../error/error.ts';
import type { ChannelCapabilities } from '../driver/capabilities.ts';
import { besideOf } from '../destination/facts.ts';
import { delayQueue, delayStep } from '../plan/steps.ts';
import type { Encoder } from './encoder.ts';
import type { Generations } from './generation.ts';
import type { Pass } from './item.ts';
import type { Outlet } from './outlet.ts';
import type { Sending } from './options.ts';

export interface OutboxSetup {
  readonly destination: Destination;
  readonly channel: ChannelCapabilities;
  readonly encoder: Encoder;
  readonly outlet: Outlet;
  /** Where delayed messages wait, if the broker keeps no delays. */
  readonly delayOutlet: (queue: string) => Outlet;
  readonly steps: readonly number[];
  readonly clock: Clock;
  readonly generations: Generations;
}

/** One destination's way out: encode, choose the outlet, send. Its handle keeps it, so that a send looks nothing up. */
export class Outbox {
  readonly #setup: OutboxSetup;
  constructor(setup: OutboxSetup) {
    this.#setup = setup;
  }

  /** What is refused rejects; nothing is thrown. */
  send(value: unknown, options?: Sending, pass?: Pass): Promise<string | undefined> {
    if (options?.signal) return this.#abortable(options, (rest, its) => this.send(value, rest, its));
    let message: Outgoing | Promise<Outgoing>;
    try {
      message = this.#setup.encoder.encode(value, options);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(textOf(error)));
    }
    return message instanceof Promise ? this.#validating(message, pass) : this.#dispatch(message, pass);
  }

  /** `flush` waits for it from the call on, not from the end of the validation. */
  #validating(message: Promise<Outgoing>, pass?: Pass): Promise<string | undefined> {
    const { generations } = this.#setup;
    const generation = generations.enter();
    return message.then((done) => this.#dispatch(done, pass)).finally(() => generations.leave(generation));
  }

  /** All are encoded, and refused if need be, before the first is sent. */
  async sendMany(values: readonly unknown[], options?: Sending, pass?: Pass): Promise<void> {
    const { destination, encoder } = this.#setup;
    if (!Array.isArray(values)) throw invalid(`${destination.name}: many messages must be given as an array`);
    if (options?.id !== undefined)
      throw invalid(
        `${destination.name}: one id for many messages would make them one; leave it out, or send them singly`,
      );
    if (options?.signal) return this.#abortable(options, (rest, its) => this.sendMany(values, rest, its));
    const messages = await allOf(values.map((value) => encoder.encode(value, options)));
    const ready = options?.ttlMs === undefined ? messages : messages.map((message) => this.#expiring(message));
    const delayMs = options?.delayMs ?? 0;
    if (!this.#isEmulated(delayMs)) return this.#setup.outlet.sendMany(ready, pass);
    const delayed = ready.map((message) => this.#delayed(message, delayMs));
    return this.#delayOutlet(delayMs).sendMany(delayed, pass);
  }

  /** What `send` would send, and where: for a transaction. */
  async prepare(value: unknown, options?: Sending): Promise<Addressed> {
    const { outlet, message } = this.#routed(await this.#setup.encoder.encode(value, options));
    return { target: outlet.target, message };
  }

  #dispatch(encoded: Outgoing, pass?: Pass): Promise<string | undefined> {
    if (encoded.delayMs === undefined && encoded.ttlMs === undefined)
      return this.#setup.outlet.send(encoded, encoded.sentAt, pass);
    const { outlet, message } = this.#routed(encoded);
    return outlet.send(message, undefined, pass);
  }
  #routed(encoded: Outgoing): { readonly outlet: Outlet; readonly message: Outgoing } {
    const message = this.#expiring(encoded);
    const { delayMs = 0 } = message;
    return this.#isEmulated(delayMs)
      ? { outlet: this.#delayOutlet(delayMs), message: this.#delayed(message, delayMs) }
      : { outlet: this.#setup.outlet, message };
  }

  #isEmulated(delayMs: number): boolean {
    return delayMs > 0 && this.#setup.channel.delay === 'none';
  }
  #delayOutlet(delayMs: number): Outlet {
    const { delayOutlet, steps, destination } = this.#setup;
    return delayOutlet(delayQueue(besideOf(destination), delayStep(steps, delayMs)));
  }
  #delayed(message: Outgoing, delayMs: number): Outgoing {
    const { clock, destination } = this.#setup;
    const headers = {
      ...message.headers,
      'waybill-to': destination.name,
      'waybill-due': String(clock.now() + delayMs),
    };
    return { ...message, delayMs: undefined, headers };
  }

  /**
   * The time of expiry travels along and is looked at before the handler: a broker that keeps the time itself does so
   * only until it has handed the message over.
   */
  #expiring(message: Outgoing): Outgoing {
    const { channel, clock } = this.#setup;
    if (message.ttlMs === undefined) return message;
    const headers = { ...message.headers, 'waybill-expires': String(clock.now() + message.ttlMs) };
    return { ...message, headers, ttlMs: channel.ttl === 'native' ? message.ttlMs : undefined };
  }

  async #abortable<T>({ signal, ...rest }: Sending, send: (rest: Sending, pass: Pass) => Promise<T>): Promise<T> {
    const where = this.#setup.destination.name;
    if (!(signal instanceof AbortSignal)) throw invalid(`${where}: signal must be an AbortSignal`);
    if (signal.aborted)
      throw new WaybillError('aborted', `${where}: aborted before it was sent`, { cause: signal.reason });
    const pass: Pass = { handed: false, withdrawn: false };
    const late = (): WaybillError => {
      pass.withdrawn = true;
      const cause: unknown = signal.reason;
      return pass.handed
        ? new WaybillError('unknown-outcome', `${where}: aborted while it was sent; it may or may not be stored`, {
            cause,
          })
        : new WaybillError('aborted', `${where}: aborted while it waited to be sent; it is not stored`, { cause });
    };
    return abortable(send(rest, pass), signal, late);
  }
}

/** No turn of the event loop is lost where nothing is asynchronous. */
const allOf = (
  encoded: readonly (Outgoing | Promise<Outgoing>)[],
): readonly Outgoing[] | Promise<readonly Outgoing[]> =>
  encoded.every(isReady) ? encoded : Promise.all(encoded.map(async (one) => one));
const isReady = (one: Outgoing | Promise<Outgoing>): one is Outgoing => !(one instanceof Promise);
