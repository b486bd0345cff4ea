import { nats, type NatsOptions } from '@waybill/adapter-nats';
import type { LeaseReceiver, Link, ReceiveOptions, Source } from '@waybill/core/driver';
import type { NatsConnection } from '@nats-io/transport-node';
import { closing, laneOf, never, receive, Taker } from '../../../conformance/test/link.ts';

export {
  accept,
  declare,
  failed,
  failureOf,
  idsOf,
  message,
  messages,
  never,
  newQueue,
  outcomesOf,
  place,
  queueOf,
  read,
  reject,
  store,
} from '../../../conformance/test/link.ts';

export type NatsLink = Link<NatsConnection>;

export async function open(options: string | NatsOptions): Promise<NatsLink & AsyncDisposable> {
  return closing(await nats(options).connect({ signal: never, onBlocked: () => {} }));
}

/** A receiver that has its lane: of an ordered queue, once it owns it. */
export async function consume(
  link: NatsLink,
  source: Source,
  options: Partial<ReceiveOptions> = {},
): Promise<Taker<string, LeaseReceiver<string>>> {
  const receiver = (await receive(link, 'lease', source, options)) as LeaseReceiver<string>;
  return new Taker(receiver, await laneOf(receiver));
}
