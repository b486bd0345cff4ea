import { redisStreams } from '@waybill/adapter-redis-streams';
import { type RedisLine, startRedis } from '@waybill/testbed';
import type { FaultyBroker, FaultyServer, ServerSettings } from './faulty-broker.ts';
import { alone, faultyServer } from './server.ts';

export const redisBroker: FaultyBroker = {
  title: 'Redis',
  greeting: Buffer.from('PING\r\n'),
  places: ['work', 'keyed', 'news', 'log'],
  agedMs: 0,
  // Lost after one to two of them. A busy machine is late.
  noticeWithinMs: (heartbeatMs) => 2 * heartbeatMs + 2_000,
  // It ends no connection of a client that is silent.
  standstill: 'its deliveries go to others',
  recoverWithinMs: 5_000,
  quietMs: 1_500,
  acceptance: 'confirmed',
  dedup: false,
  claims: {},
  driver: ({ url, heartbeatMs, name }) =>
    redisStreams({ url, heartbeatMs, connectTimeoutMs: 2 * heartbeatMs, connectionName: name }),
  start,
};

async function start({ line, say }: ServerSettings): Promise<FaultyServer> {
  const server = await startRedis({ line: line as RedisLine, name: 'faults', onProgress: say });
  return faultyServer(
    alone(server),
    `${line.startsWith('valkey') ? 'Valkey' : 'Redis'} ${server.version}, one node, every write on disk before its answer`,
  );
}
