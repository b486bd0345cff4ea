import type { LeaseReceiver, Link, ReceiveOptions } from '@waybill/core/driver';
import type { ShareReceipt } from '../../src/share/message.ts';
import { laneOf, receive, Taker } from '../../../conformance/test/link.ts';
import { open, type QueuePlace } from './support.ts';

/** A link whose queues go through share groups. */
export const openShared = (url: string): Promise<Link & AsyncDisposable> => open({ url, queues: 'share-groups' });

export async function take(
  link: Link,
  queue: QueuePlace,
  options: Partial<ReceiveOptions> = {},
): Promise<Taker<ShareReceipt, LeaseReceiver<ShareReceipt>>> {
  const receiver = (await receive(link, 'lease', queue, options)) as LeaseReceiver<ShareReceipt>;
  return new Taker(receiver, await laneOf(receiver));
}
