import { type Admin, type Declaration, type Depth, type Source, WaybillError } from '@waybill/core/driver';
import type { Channel } from 'amqplib';
import { checkedName, queueOf, subscriptionName } from './names.ts';
import { onChannel } from './topology.ts';

export function adminOf(openChannel: () => Promise<Channel>): Admin {
  return {
    /** Ready only: AMQP does not tell what is in flight. The figure of a quorum queue lags by up to some seconds. */
    async depth(source: Source): Promise<Depth> {
      const { messageCount } = await onChannel(openChannel, (channel) => channel.checkQueue(queueOf(source)));
      return { ready: messageCount };
    },
    async purge(source: Source): Promise<void> {
      // The server would close the whole connection for it.
      if (source.kind === 'stream')
        throw new WaybillError(
          'unsupported',
          `The stream "${source.name}" cannot be purged on RabbitMQ; set a retention`,
        );
      await onChannel(openChannel, (channel) => channel.purgeQueue(queueOf(source)));
    },
    async remove(declaration: Declaration): Promise<void> {
      await onChannel(openChannel, (channel) => remove(channel, declaration));
    },
  };
}

/** What is not there is no error to RabbitMQ. */
async function remove(channel: Channel, declaration: Declaration): Promise<void> {
  switch (declaration.kind) {
    case 'queue':
    case 'stream':
      await channel.deleteQueue(checkedName(declaration.kind, declaration.name));
      return;
    case 'topic':
      await channel.deleteExchange(checkedName('topic', declaration.name));
      return;
    case 'subscription': {
      const name = subscriptionName(declaration.topic, declaration.name);
      await channel.deleteQueue(name);
      await channel.deleteExchange(name);
    }
  }
}
