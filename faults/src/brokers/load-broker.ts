import type { FaultyBroker } from './faulty-broker.ts';
import type { BrokerName } from './names.ts';

/** A process of the load loads the client library of its own broker only. */
export async function loadBroker(name: BrokerName): Promise<FaultyBroker> {
  switch (name) {
    case 'rabbitmq':
      return (await import('./rabbitmq.ts')).rabbitmqBroker;
    case 'redis':
      return (await import('./redis.ts')).redisBroker;
    case 'nats':
      return (await import('./nats.ts')).natsBroker;
    case 'kafka':
      return (await import('./kafka.ts')).kafkaBroker;
    default:
      return name satisfies never;
  }
}
