import type { Destination } from '../destination/destination.ts';
import type { Outgoing } from '../driver/message.ts';
import type { Clock } from '../clock.ts';
import { WaybillError } from '../error/error.ts';
import type { ChannelCapabilities } from '../driver/capabilities.ts';
import { delayQueue, delayStep } from '../plan/steps.ts';
import type { Encoder } from './encoder.ts';
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
}

/** One destination's way out: encode, choose the outlet, send. Its handle keeps it, so that a send looks nothing up. */
export class Outbox {
  readonly #setup: OutboxSetup;
  constructor(setup: OutboxSetup) {
    this.#setup = setup;
  }

  /** What is refused rejects; nothing is thrown. */
  send(value: unknown, options?: Sending): Promise<string | undefined> {
    if (options?.signal) return this.#abortable(value, options, options.signal);
    let message: Outgoing | Promise<Outgoing>;
    try {
      message = this.#setup.encoder.encode(value, options);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    return message instanceof Promise ? message.then((done) => this.#dispatch(done)) : this.#dispatch(message);
  }

  /** All are encoded, and refused if need be, before the first is sent. */
  async sendMany(values: readonly unknown[], options?: Sending): Promise<void> {
    if (!Array.isArray(values))
      throw new WaybillError('invalid', `${this.#setup.destination.name}: many messages must be given as an array`);
    if (options?.signal?.aborted)
      throw new WaybillError('aborted', `${this.#setup.destination.name}: aborted before it was sent`, {
        cause: options.signal.reason,
      });
    const messages = await allOf(values.map((value) => this.#setup.encoder.encode(value, options)));
    if (options?.delayMs) await Promise.all(messages.map((message) => this.#dispatch(message)));
    else
      await this.#setup.outlet.sendMany(
        options?.ttlMs === undefined ? messages : messages.map((message) => this.#expiring(message)),
      );
  }

  #dispatch(message: Outgoing): Promise<string | undefined> {
    const { outlet, channel } = this.#setup;
    if (message.delayMs !== undefined && (channel.delay === 'none' || message.delayMs === 0))
      return this.#delayed(this.#expiring(message), message.delayMs);
    return outlet.send(message.ttlMs === undefined ? message : this.#expiring(message));
  }

  #delayed(message: Outgoing, delayMs: number): Promise<string | undefined> {
    const { outlet, delayOutlet, steps, clock, destination } = this.#setup;
    if (delayMs === 0) return outlet.send({ ...message, delayMs: undefined });
    const headers = {
      ...message.headers,
      'waybill-to': destination.name,
      'waybill-due': String(clock.now() + delayMs),
    };
    return delayOutlet(delayQueue(destination.name, delayStep(steps, delayMs))).send({
      ...message,
      delayMs: undefined,
      headers,
    });
  }

  /** Where the broker knows no time to live, the time of expiry travels along and is looked at before the handler. */
  #expiring(message: Outgoing): Outgoing {
    const { channel, clock } = this.#setup;
    if (message.ttlMs === undefined || channel.ttl === 'native') return message;
    const headers = { ...message.headers, 'waybill-expires': String(clock.now() + message.ttlMs) };
    return { ...message, ttlMs: undefined, headers };
  }

  #abortable(value: unknown, { signal: _, ...options }: Sending, signal: AbortSignal): Promise<string | undefined> {
    if (signal.aborted)
      return Promise.reject(
        new WaybillError('aborted', `${this.#setup.destination.name}: aborted before it was sent`, {
          cause: signal.reason,
        }),
      );
    return new Promise((resolve, reject) => {
      const abort = (): void =>
        reject(
          new WaybillError(
            'unknown-outcome',
            `${this.#setup.destination.name}: aborted while it was sent; it may or may not be stored`,
            { cause: signal.reason },
          ),
        );
      signal.addEventListener('abort', abort, { once: true });
      this.send(value, options)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', abort))
        .catch(() => {});
    });
  }
}

/** No turn of the event loop is lost where nothing is asynchronous. */
const allOf = (
  encoded: readonly (Outgoing | Promise<Outgoing>)[],
): readonly Outgoing[] | Promise<readonly Outgoing[]> =>
  encoded.every(isReady) ? encoded : Promise.all(encoded.map(async (one) => one));
const isReady = (one: Outgoing | Promise<Outgoing>): one is Outgoing => !(one instanceof Promise);
