import { rabbitmq, type RabbitConnections, type RabbitOptions } from '@waybill/adapter-rabbitmq';
import type { Link, MessageReceiver, ReceiveOptions, Source } from '@waybill/core/driver';
import { waitFor } from '@waybill/testbed';
import { closing, laneOf, never, receive, Taker } from '../../../conformance/test/link.ts';

export {
  accept,
  collect,
  declare,
  failed,
  failureOf,
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
  unrun,
} from '../../../conformance/test/link.ts';

export type RabbitLink = Link<RabbitConnections>;
export type Queue = Taker<number, MessageReceiver<number>>;

export async function open(
  options: string | RabbitOptions,
  onBlocked: (reason: string | undefined) => void = () => {},
): Promise<RabbitLink & AsyncDisposable> {
  return closing(await rabbitmq(options).connect({ signal: never, onBlocked }));
}

export async function consume(link: RabbitLink, source: Source, options: Partial<ReceiveOptions> = {}): Promise<Queue> {
  const receiver = (await receive(link, 'message', source, options)) as MessageReceiver<number>;
  return new Taker(receiver, await laneOf(receiver));
}

/** The figure of a quorum queue lags: asks until it is this one. */
export const depthIs = (link: RabbitLink, source: Source, wanted: number): Promise<number> =>
  waitFor(`depth ${wanted}`, async () => {
    const { ready } = await link.admin!.depth(source);
    return ready === wanted ? ready : undefined;
  });
