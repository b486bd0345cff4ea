import { redisStreams } from '@waybill/adapter-redis-streams';
import { type Redis, type RedisLine, startRedis } from '@waybill/testbed';
import { type BrokerControl, defineTarget, type Security, type Target } from '@waybill/conformance';
import { processControl, proxyBefore } from './server.ts';

/** Redis 8 remembers sends, so that dedup is proven there; on the others it is off, as by default. */
const dedupWindowMs = (line: RedisLine): number => (line === '8' ? 120_000 : 0);

const user = { name: 'waybill', password: 'the-password-of-the-testbed' };

/** A Redis or Valkey of the testbed with every control; one from the environment has none over its process. */
export async function redisTarget(line: RedisLine): Promise<Target> {
  const server = await startRedis({ line, tls: true, user, configuration: { appendfsync: 'no' } });
  const driver = (url: string) => redisStreams({ url, dedupWindowMs: dedupWindowMs(line) });
  return defineTarget({
    name: line.startsWith('valkey') ? line : `redis-${line}`,
    driver: () => driver(server.url),
    url: server.url,
    profile: { durable: 'process', note: 'one node, appendonly yes, appendfsync no' },
    timing: { quietMs: 250 },
    version: () => server.version,
    proxy: () => proxyBefore(server, driver),
    security: securityOf(server),
    ...(server.controls === 'process' && { control: controlOf(server) }),
    close: () => server[Symbol.asyncDispose](),
  });
}

const wrong = 'not-the-password';

function securityOf({ url, tls }: Redis): Security {
  const refused = new URL(url);
  refused.password = wrong;
  return {
    secrets: [wrong, user.password],
    wrongPassword: () => redisStreams(refused.href),
    ...(tls && {
      trusted: () => redisStreams({ url: tls.url, tls: { ca: tls.authority } }),
      unknownAuthority: () => redisStreams(tls.url),
      wrongName: () => redisStreams({ url: tls.mismatchedUrl, tls: { ca: tls.authority } }),
    }),
  };
}

const controlOf = (server: Redis): BrokerControl => ({
  ...processControl(server),
  disconnect: async () => `${(await server.control('CLIENT', 'KILL', 'TYPE', 'normal')).trim()} connections closed`,
  block: async () => {
    await server.control('CONFIG', 'SET', 'maxmemory', '1');
    return 'there is no memory for writes';
  },
  unblock: async () => {
    await server.control('CONFIG', 'SET', 'maxmemory', '0');
    return 'there is memory for writes';
  },
});
