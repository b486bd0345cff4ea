import type { Incoming, Lane, Settlement } from '@waybill/core/driver';
import type { Mutant } from './mutant.ts';
import { receiving, settlers } from './parts.ts';
import type { ReceiverParts, SettlingReceiver } from './wrap-receiver.ts';

type Settle = NonNullable<ReceiverParts['settle']>;
const settling = (settle: Settle): Mutant['wrap'] => settlers(() => ({ settle }));
const accept = (receipt: unknown): Settlement => ({ receipt, outcome: 'accept' });

/** What a receiver has handed out and nobody has settled. */
function held(): { readonly receipts: Set<unknown> } & Required<Pick<ReceiverParts, 'pull' | 'settle'>> {
  const receipts = new Set<unknown>();
  return {
    receipts,
    async pull<M extends Incoming>(lane: Lane<M>, limit: number, signal: AbortSignal) {
      const messages = await lane.pull(limit, signal);
      for (const message of messages) if ('receipt' in message) receipts.add(message.receipt);
      return messages;
    },
    settle(settle, batch) {
      for (const { receipt } of batch) receipts.delete(receipt);
      return settle(batch);
    },
  };
}

function closesAccepting(receiver: SettlingReceiver): ReceiverParts {
  const { receipts, ...parts } = held();
  return {
    ...parts,
    async close(close) {
      await receiver.settle([...receipts].map(accept));
      await close();
    },
  };
}

function acceptsNeighbours(): ReceiverParts {
  const { receipts, pull, settle: forget } = held();
  return {
    pull,
    async settle(settle, batch) {
      const unsettled = await forget(settle, batch);
      const [neighbour] = receipts;
      if (neighbour !== undefined && batch.some(({ outcome }) => outcome === 'accept'))
        await settle([accept(neighbour)]);
      return unsettled;
    },
  };
}

/** As brokers do that bound deliveries: share groups of Kafka, quorum queues, JetStream. */
function givesUp(): ReceiverParts {
  const attempts = new Map<unknown, number>();
  return {
    async pull<M extends Incoming>(lane: Lane<M>, limit: number, signal: AbortSignal) {
      const messages = await lane.pull(limit, signal);
      for (const message of messages) if ('receipt' in message) attempts.set(message.receipt, message.attempt ?? 1);
      return messages;
    },
    settle: (settle, batch) =>
      settle(
        batch.map((one) =>
          one.outcome === 'release' && (attempts.get(one.receipt) ?? 1) >= 3 ? accept(one.receipt) : one,
        ),
      ),
  };
}

/** Defects in what becomes of a delivery. */
export const settlingMutants: readonly Mutant[] = [
  {
    name: 'accepts nothing',
    defect: 'Accepting a message has no effect.',
    killedBy: 'Q07',
    wrap: settling(async (settle, batch) => {
      const others = batch.filter(({ outcome }) => outcome !== 'accept');
      return others.length === batch.length ? settle(batch) : [];
    }),
  },
  {
    name: 'accepts what is released',
    defect: 'A message that is given back is gone.',
    killedBy: 'Q08',
    wrap: settling((settle, batch) =>
      settle(batch.map((one) => (one.outcome === 'release' ? accept(one.receipt) : one))),
    ),
  },
  {
    name: 'gives back what is rejected',
    defect: 'A rejected message comes again.',
    killedBy: 'D13',
    wrap: settling((settle, batch) =>
      settle(
        batch.map((one) =>
          one.outcome === 'reject' ? { receipt: one.receipt, outcome: 'release', delayMs: 0, failed: true } : one,
        ),
      ),
    ),
  },
  {
    name: 'forgets how long to wait',
    defect: 'A message that is given back for a time comes at once.',
    killedBy: 'N06:queue.release=delayed',
    wrap: settling((settle, batch) =>
      settle(batch.map((one) => (one.outcome === 'release' ? { ...one, delayMs: 0 } : one))),
    ),
  },
  {
    name: 'accepts on close',
    defect: 'A receiver that closes accepts what it still holds.',
    killedBy: 'C05',
    wrap: settlers(closesAccepting),
  },
  {
    name: 'accepts the neighbour',
    defect: 'Accepting a message also accepts another one that is held.',
    killedBy: 'Q11',
    wrap: settlers(acceptsNeighbours),
  },
  {
    name: 'gives up by itself',
    defect: 'A message that is given back after its third delivery is gone, without a word.',
    killedBy: 'D05',
    wrap: settlers(givesUp),
  },
  {
    name: 'counts no attempts',
    defect: 'Every delivery says that it is the first.',
    killedBy: 'Q15',
    wrap: receiving(() => ({ attempt: 1 })),
  },
];
