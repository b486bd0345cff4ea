import { rabbitmq } from '@waybill/adapter-rabbitmq';
import { type Broker, type RabbitmqLine, startRabbitmq } from '@waybill/testbed';
import type { FaultyBroker, FaultyServer, ServerSettings } from './faulty-broker.ts';
import { alone, faultyServer } from './server.ts';

export const rabbitmqBroker: FaultyBroker = {
  title: 'RabbitMQ',
  greeting: Buffer.from('AMQP\0\0\x09\x01', 'latin1'),
  places: ['work', 'keyed', 'news', 'log'],
  // It loses what was confirmed to a quorum queue that was declared less than about a second before a SIGKILL of a
  // single node. The adapter has a case of its own for that.
  agedMs: 2_000,
  // amqplib looks once an interval, and gives up at the second without a byte: at most three. A busy machine is late.
  noticeWithinMs: (heartbeatMs) => 3 * heartbeatMs + 2_000,
  standstill: 'its connection ends',
  recoverWithinMs: 5_000,
  // A quorum queue tells its figures every 5 s, so only a second look after that long sees the present.
  quietMs: 5_500,
  acceptance: 'sent',
  dedup: false,
  // A retry that waits in a delay queue is copied twice: into that queue, and back.
  claims: { work: { copies: 2 } },
  driver: ({ url, heartbeatMs, name }) =>
    rabbitmq({ url, heartbeatMs, connectTimeoutMs: 2 * heartbeatMs, connectionName: name }),
  start,
};

async function start({ line, say }: ServerSettings): Promise<FaultyServer> {
  const broker = await startRabbitmq({ line: line as RabbitmqLine, name: 'faults', onProgress: say });
  return {
    ...faultyServer(alone(broker), `RabbitMQ ${broker.version}, one node, default durability`),
    depth: () => depthOf(broker),
  };
}

/** In all queues, those of delayed retries included, but for dead letters. */
async function depthOf(broker: Broker): Promise<number> {
  const listed = await broker.control('list_queues', '--no-table-headers', 'name', 'type', 'messages');
  return listed
    .split('\n')
    .map((row) => row.split('\t'))
    .filter(([name = '', type]) => name !== '' && type !== 'stream' && !name.endsWith('.dead'))
    .reduce((sum, [, , messages]) => sum + Number(messages), 0);
}
