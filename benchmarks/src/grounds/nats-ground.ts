import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { inLanes } from '../arms/shared/lanes.ts';
import { makeOrder } from '../arms/shared/order.ts';
import { type ClientGround, type Kind, sequenceOf, type Store } from './client-ground.ts';

const window = 500;

/** The harness's own connection to a NATS that nobody else uses. */
export async function openNatsGround(url: string): Promise<ClientGround & { close(): Promise<unknown> }> {
  const client = await connect({ servers: new URL(url).host });
  const manager = await jetstreamManager(client);
  const stream = jetstream(client);
  const raw = (kind: Kind): Store => ({
    async fill(name, count) {
      const retention = kind === 'queue' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits;
      await manager.streams.add({ name, subjects: [name], retention });
      if (kind === 'queue')
        await manager.consumers.add(name, { durable_name: 'bench', ack_policy: AckPolicy.Explicit });
      await inLanes(0, count, window, (index) => stream.publish(name, JSON.stringify(makeOrder(index))));
    },
    drain: (name, expected) =>
      sequenceOf(expected, async (handle) => {
        const consumer = await stream.consumers.get(name, ...(kind === 'queue' ? ['bench'] : []));
        for await (const message of await consumer.consume()) {
          handle(message.json());
          message.ack();
        }
      }),
  });
  return {
    url,
    raw,
    async clear() {
      for await (const { config } of manager.streams.list()) await manager.streams.delete(config.name);
    },
    close: () => client.close(),
  };
}
