import { type RedisNative, type RedisOptions, redisStreams } from '@waybill/adapter-redis-streams';
import type {
  Declaration,
  Incoming,
  Lane,
  LeaseReceiver,
  Link,
  Place,
  Positioned,
  ReceiveOptions,
  Source,
} from '@waybill/core/driver';
import { closing, declare, laneOf, never, place, receive, Taker } from '../../../conformance/test/link.ts';

export {
  accept,
  declare,
  failed,
  failureOf,
  idsOf,
  laneOf,
  message,
  messages,
  never,
  newQueue,
  place,
  queueOf,
  receive,
  store,
} from '../../../conformance/test/link.ts';

export type RedisLink = Link<RedisNative> & AsyncDisposable;

export async function open(
  options: string | RedisOptions,
  onBlocked: (reason: string | undefined) => void = () => {},
): Promise<RedisLink> {
  return closing(await redisStreams(options).connect({ signal: never, onBlocked }));
}

/** A declared stream of its own. */
export async function newStream(
  link: RedisLink,
  over: Partial<Extract<Declaration, { kind: 'stream' }>> = {},
): Promise<{ readonly kind: 'stream' } & Place> {
  const where = place(over.native === undefined ? {} : { native: over.native });
  await declare(link, { kind: 'stream', ...where, ...over });
  return { kind: 'stream', ...where };
}

export async function consume(
  link: RedisLink,
  source: Source,
  options: Partial<ReceiveOptions> = {},
): Promise<Taker<unknown, LeaseReceiver>> {
  const receiver = await receive(link, 'lease', source, options);
  return new Taker(receiver, await laneOf(receiver));
}

export const read = async (link: RedisLink, source: Source): Promise<Lane<Positioned>> =>
  laneOf(await receive(link, 'position', source));

export const textOf = ({ body }: Incoming): string => (body === null ? 'null' : Buffer.from(body).toString());
