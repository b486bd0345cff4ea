import {
  type Admin,
  type Capabilities,
  type Declaration,
  type Driver,
  type ErrorCode,
  type Link,
  type Mismatch,
  noneSent,
  type Outgoing,
  type Receiver,
  type ReceiveOptions,
  type Sent,
  type Source,
  type Target,
  WaybillError,
} from '@waybill/core/driver';
import { capabilitiesOf, type MemoryCapabilities } from './capabilities.ts';
import { deferred } from './deferred.ts';
import { Ending } from './ending.ts';
import { notFound } from './errors.ts';
import { QueueReceiver } from './receiver.ts';
import { storeBatch } from './sender.ts';
import type { Store } from './store.ts';
import { GroupMember, StreamReader } from './stream-receiver.ts';
import { administrationOf, declareAll } from './topology.ts';

export type MemoryDriver<Native> = Driver<MemoryCapabilities, Native> & { readonly name: 'memory' };

/** A driver that connects to this broker, as often as it likes. */
export function driverOf<Native>(store: Store, native: Native): MemoryDriver<Native> {
  const capabilities = capabilitiesOf(store.settings);
  return {
    spec: 1,
    name: 'memory',
    capabilities,
    async connect({ signal }) {
      if (store.faults.paused) await untilResumed(store.faults.paused, signal);
      if (signal.aborted) throw givenUp();
      return new MemoryLink(store, native, capabilities);
    },
    classify: (error): ErrorCode => (WaybillError.is(error) ? error.code : 'internal'),
  };
}

interface Endable {
  end(cause: unknown): void;
}

class MemoryLink<Native> implements Link<Native> {
  readonly native: Native;
  readonly capabilities: Capabilities;
  readonly admin: Admin;
  readonly #store: Store;
  readonly #receivers = new Set<Endable>();
  readonly #ending = new Ending();

  constructor(store: Store, native: Native, capabilities: Capabilities) {
    this.native = native;
    this.capabilities = capabilities;
    this.admin = administrationOf(store, (call) => this.#answer(call));
    this.#store = store;
    store.attach(this);
  }

  get closed(): Promise<unknown> {
    return this.#ending.closed;
  }

  send(target: Target, batch: readonly Outgoing[]): Promise<Sent> {
    if (this.#ending.isOver) return Promise.resolve(noneSent(batch, 'rejected', linkClosed()));
    if (this.#store.faults.quiet) return Promise.resolve(this.#sendNow(target, batch));
    return this.#sendUnderFaults(target, batch);
  }

  receive(source: Source, options: ReceiveOptions): Promise<Receiver> {
    return this.#answer(() => this.#open(source, options), options.signal);
  }

  async ping(signal: AbortSignal): Promise<void> {
    await this.#answer(() => undefined, signal);
  }

  close(): Promise<void> {
    this.cut(undefined);
    return Promise.resolve();
  }

  declare(declarations: readonly Declaration[], mode: 'create' | 'verify'): Promise<readonly Mismatch[]> {
    return this.#answer(() => declareAll(this.#store, declarations, mode));
  }

  cut(cause: unknown): void {
    if (!this.#ending.end(cause)) return;
    this.#store.detach(this);
    for (const receiver of [...this.#receivers]) receiver.end(cause);
    this.#receivers.clear();
  }

  #sendNow(target: Target, batch: readonly Outgoing[]): Sent {
    const sink = this.#store.sink(target);
    if (sink === undefined) return noneSent(batch, 'rejected', notFound(target.kind, target.name));
    const asked = target.kind === 'reply' ? 'none' : target.order;
    return storeBatch(this.#store, sink, batch, asked === 'none' ? sink.order : asked);
  }

  /** What the broker did not get round to before the link was lost may have been on its way: unknown. */
  async #sendUnderFaults(target: Target, batch: readonly Outgoing[]): Promise<Sent> {
    await this.#turn();
    return this.#ending.isOver ? noneSent(batch, 'unknown', linkClosed()) : this.#sendNow(target, batch);
  }

  #open(source: Source, options: ReceiveOptions): Receiver {
    const receiver = source.kind === 'stream' ? this.#openStream(source, options) : this.#openQueue(source, options);
    this.#receivers.add(receiver);
    return receiver;
  }

  #openQueue(source: Exclude<Source, { readonly kind: 'stream' }>, options: ReceiveOptions): QueueReceiver {
    const { queue, address, end } = this.#store.open(source);
    const onEnd = (): void => {
      this.#receivers.delete(receiver);
      end?.();
    };
    const { style } = this.#store.settings;
    const receiver = new QueueReceiver({ queue, host: this.#store, style, options, address, onEnd });
    return receiver;
  }

  #openStream(
    source: Extract<Source, { readonly kind: 'stream' }>,
    options: ReceiveOptions,
  ): StreamReader | GroupMember {
    const stream = this.#store.stream(source.name);
    const setup = {
      stream,
      host: this.#store,
      forgets: options.delivery === 'at-most-once',
      sinkOf: (target: Target) => this.#store.sink(target),
      onEnd: () => this.#receivers.delete(receiver),
    };
    const receiver: StreamReader | GroupMember =
      source.group === undefined
        ? new StreamReader(setup, source.from)
        : new GroupMember(setup, stream.group(source.group, source.from));
    return receiver;
  }

  async #answer<T>(call: () => T, signal?: AbortSignal): Promise<T> {
    if (!this.#store.faults.quiet) await this.#turn(signal);
    if (signal?.aborted) throw givenUp();
    if (this.#ending.isOver) throw linkClosed();
    return call();
  }

  /** The broker's attention: it may cost the link, and a paused broker gives it to nobody. */
  async #turn(signal?: AbortSignal): Promise<void> {
    const { faults } = this.#store;
    faults.operation();
    if (faults.paused) await Promise.race([untilResumed(faults.paused, signal), this.closed]);
  }
}

/** Waits for a paused broker to go on, or for the caller to give up. */
async function untilResumed(paused: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return paused;
  const given = deferred<void>();
  const giveUp = (): void => given.resolve();
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  await Promise.race([paused, given.promise]);
  signal.removeEventListener('abort', giveUp);
}

const linkClosed = (): WaybillError =>
  new WaybillError('unavailable', 'memory: the link is closed', { broker: 'memory' });
const givenUp = (): WaybillError => new WaybillError('aborted', 'memory: the call was given up', { broker: 'memory' });
