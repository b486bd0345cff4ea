import type { Incoming, Lane, Receipted, Receiver } from '@waybill/core/driver';
import type { Mutant } from './mutant.ts';
import { settlers } from './parts.ts';
import { wrapLink } from './wrap-link.ts';
import { type SettlingReceiver, wrapSettling } from './wrap-receiver.ts';

/** Ten times what was granted: whoever trusts it extends too late. */
function exaggerated(receiver: Receiver): Receiver {
  return receiver.style === 'lease' ? wrapSettling(receiver, { leaseMs: receiver.leaseMs * 10 }) : receiver;
}

interface Holding {
  readonly by: SettlingReceiver;
  readonly place: string;
  readonly message: Receipted;
}

/** Whoever pulls takes what another consumer of the place holds, without a look at its lease. All drivers of a broker share it. */
function claims(): Mutant['wrap'] {
  const held = new Map<unknown, Holding>();
  const claimed = new Set<unknown>();
  return settlers((receiver, source) => {
    const place = 'name' in source ? source.name : '';
    return {
      async pull<M extends Incoming>(lane: Lane<M>, limit: number, signal: AbortSignal) {
        const [found] = [...held.values()].filter((one) => one.by !== receiver && one.place === place);
        if (found !== undefined) {
          held.delete(found.message.receipt);
          claimed.add(found.message.receipt);
          return [found.message as Incoming as M];
        }
        const messages = await lane.pull(limit, signal);
        for (const message of messages)
          if ('receipt' in message) held.set(message.receipt, { by: receiver, place, message });
        return messages;
      },
      async settle(settle, batch) {
        for (const { receipt } of batch) held.delete(receipt);
        const unsettled = await settle(batch);
        return unsettled.filter(({ index }) => !claimed.has(batch[index]?.receipt));
      },
    };
  });
}

/** Defects of brokers whose deliveries are ours for a time only. */
export const leaseMutants: readonly Mutant[] = [
  {
    name: 'extends nothing',
    defect: 'Extending a lease is said to be done, and the lease ends as it would have.',
    killedBy: 'G17',
    wrap: settlers(() => ({ extend: () => Promise.resolve([]) })),
  },
  {
    name: 'exaggerates its leases',
    defect: 'A receiver says that its leases are ten times as long as they are.',
    killedBy: 'G17',
    wrap: (driver) =>
      wrapLink(driver, {
        receive: async (link, source, options) =>
          exaggerated(await link.receive(source, { ...options, leaseMs: options.leaseMs / 10 })),
      }),
  },
  {
    name: 'claims from the living',
    defect: 'What a consumer holds under a lease that runs is handed to another one.',
    killedBy: 'G18',
    wrap: claims(),
  },
  {
    name: 'settles what it no longer holds',
    defect: 'A settlement after the end of the lease is said to be done, and has no effect.',
    killedBy: 'N06:queue.style=lease',
    wrap: settlers(() => ({
      settle: async (settle, batch) => (await settle(batch)).filter(({ outcome }) => outcome !== 'lost'),
    })),
  },
];
