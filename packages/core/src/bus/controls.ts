import type { Destination, Queue, Stream, Topic } from '../destination/destination.ts';
import type { Needs } from '../destination/needs.ts';
import { abortable } from '../abort.ts';
import { checkFields, isSignal } from '../check.ts';
import { checkIsDestination } from '../destination/check.ts';
import { WaybillError } from '../error/error.ts';
import type { Outbox } from '../send/outbox.ts';
import type { BusControls } from './bus.ts';
import type { Carrier } from './carrier.ts';
import { guarded } from './guard.ts';
import type { Handle } from './handles.ts';
import { sendable } from './outputs.ts';
import { queueHandle } from './queue-handle.ts';
import { streamHandle } from './stream-handle.ts';
import { topicHandle } from './topic-handle.ts';

const pingTimeoutMs = 10_000;

export const reservedNames: readonly string[] = ['plan', 'state', 'attach', 'flush', 'ping', 'native', 'close', 'then'];

export function handleOf(carrier: Carrier, destination: Destination): object {
  const outbox = carrier.outbox(destination);
  return sendable(guarded(carrier, makeHandle(carrier, destination, outbox)), { carrier, outbox });
}
function makeHandle(carrier: Carrier, destination: Destination, outbox: Outbox): object {
  switch (destination.kind) {
    case 'queue':
      return queueHandle(carrier, destination as Queue<unknown, unknown, Needs>, outbox);
    case 'topic':
      return topicHandle(carrier, destination as Topic<unknown, unknown, Needs>, outbox);
    case 'stream':
      return streamHandle(carrier, destination as Stream<unknown, unknown, Needs>, outbox);
  }
}

/** The controls of a bus over its carriers, `of` naming which carries what. */
export function controls(carriers: readonly Carrier[], of: (name: string) => Carrier): BusControls {
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closed ??= Promise.all(carriers.map((carrier) => carrier.close())).then(() => {}));
  const open = (): void => {
    if (closed) throw new WaybillError('closed', 'the bus is closed; connect again');
  };
  return {
    get plan() {
      return carriers.flatMap((carrier) => carrier.plan);
    },
    get state() {
      return Object.fromEntries(carriers.map((carrier) => [carrier.driver.name, carrier.keeper.state]));
    },
    async attach<D extends Destination>(destination: D, on?: { readonly like: string }) {
      open();
      checkIsDestination('attach', destination);
      const carrier = on ? of(on.like) : carriers[0]!;
      await carrier.attach(destination);
      return handleOf(carrier, destination) as Handle<D>;
    },
    async flush() {
      open();
      await Promise.all(carriers.map((carrier) => carrier.sender.flush()));
    },
    async ping(options = {}) {
      open();
      checkFields('ping', options, { signal: isSignal });
      const { signal = AbortSignal.timeout(pingTimeoutMs) } = options;
      await Promise.all(carriers.map((carrier) => pinged(carrier, signal)));
    },
    native(destination) {
      open();
      return of(destination).keeper.current?.native;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A driver obeys the signal, but the answer to "are you there" must not depend on that. */
function pinged(carrier: Carrier, signal: AbortSignal): Promise<void> {
  const broker = carrier.driver.name;
  const late = (): WaybillError => new WaybillError('timeout', `${broker} did not answer the ping in time`, { broker });
  return abortable(
    carrier.ask('ping', (link) => link.ping(signal)),
    signal,
    late,
  );
}
