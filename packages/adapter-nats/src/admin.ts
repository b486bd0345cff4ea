import type { StreamInfo } from '@nats-io/jetstream';
import { type Admin, type Declaration, type Depth, type Source, WaybillError } from '@waybill/core/driver';
import type { Connection } from './connection.ts';
import { classify } from './errors.ts';
import { type Address, addressOf, subscriptionName } from './names.ts';

export function adminOf({ manager }: Connection): Admin {
  /** A consumer knows better than the stream: an old server that was killed finds messages again that were accepted. */
  const queueDepth = async ({ stream, subject }: Address): Promise<Depth> => {
    const { state }: StreamInfo = await manager.streams.info(stream, { subjects_filter: subject });
    const kept = state.subjects?.[subject] ?? 0;
    const delayed = Math.max(0, state.messages - kept);
    for await (const { num_pending: ready, num_ack_pending: pending } of manager.consumers.list(stream))
      return { ready, inFlight: Math.min(kept, pending), delayed };
    return { ready: kept, inFlight: 0, delayed };
  };
  return {
    async depth(source: Source): Promise<Depth> {
      const { address, subscription } = placeOf(source);
      if (address.kind === 'queue') return queueDepth(address);
      if (subscription === undefined) return { ready: (await manager.streams.info(address.stream)).state.messages };
      const { state } = await manager.streams.info(address.stream);
      const consumer = await manager.consumers.info(address.stream, subscription);
      const ready = Math.min(state.messages, consumer.num_pending);
      const inFlight = Math.min(state.messages - ready, consumer.num_ack_pending);
      return { ready, inFlight };
    },
    async purge(source: Source): Promise<void> {
      const { address, subscription } = placeOf(source);
      if (subscription !== undefined)
        throw new WaybillError(
          'unsupported',
          'A subscription cannot be purged on NATS, where it shares its messages with others; remove it and subscribe again',
        );
      await manager.streams.purge(address.stream);
    },
    async remove(declaration: Declaration): Promise<void> {
      try {
        if (declaration.kind !== 'subscription') await manager.streams.delete(addressOf(declaration).stream);
        else {
          const { stream } = addressOf({ kind: 'topic', name: declaration.topic, native: declaration.native });
          await manager.consumers.delete(stream, subscriptionName(declaration.name));
        }
      } catch (error) {
        if (classify(error) !== 'not-found') throw error;
      }
    },
  };
}

function placeOf(source: Source): { readonly address: Address; readonly subscription?: string } {
  if (source.kind === 'reply' || (source.kind === 'topic' && source.subscription === undefined))
    throw new WaybillError('unsupported', 'A subscription without a name keeps nothing that could be counted on NATS');
  const address = addressOf(source);
  return source.kind === 'topic' && source.subscription !== undefined
    ? { address, subscription: subscriptionName(source.subscription) }
    : { address };
}
