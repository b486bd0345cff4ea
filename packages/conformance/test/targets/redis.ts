import { redisStreams } from '@waybill/adapter-redis-streams';
import { type Redis, type RedisLine, startProxy, startRedis } from '@waybill/testbed';
import { type BrokerControl, defineTarget, type FaultProxy, type Security, type Target } from '@waybill/conformance';

/** Redis 8 remembers sends, so that dedup is proven there; on the others it is off, as by default. */
const dedupWindowMs = (line: RedisLine): number => (line === '8' ? 120_000 : 0);

/** A Redis or Valkey of the testbed with every control; one from the environment has none over its process. */
export async function redisTarget(line: RedisLine): Promise<Target> {
  const server = await startRedis({ line, tls: true });
  const url = server.controls === 'process' ? await server.addUser(user) : server.url;
  const options = { dedupWindowMs: dedupWindowMs(line) };
  return defineTarget({
    name: line.startsWith('valkey') ? line : `redis-${line}`,
    driver: () => redisStreams({ url, ...options }),
    url,
    profile: { durable: 'os', note: 'one node, appendonly yes, appendfsync always' },
    timing: { quietMs: 250 },
    version: () => server.version,
    proxy: () => faultProxy(server, url, options),
    security: securityOf(server, url),
    ...(server.controls === 'process' && { control: controlOf(server) }),
    close: () => server[Symbol.asyncDispose](),
  });
}

const user = { name: 'waybill', password: 'the-password-of-the-testbed' };
const wrong = 'not-the-password';

function securityOf({ tls }: Redis, url: string): Security {
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

function controlOf(server: Redis): BrokerControl {
  return {
    kill: async () => {
      const { pid } = server;
      await server.kill();
      return `pid ${pid} is gone`;
    },
    stop: async () => {
      const { pid } = server;
      await server.stop();
      return `pid ${pid} has ended`;
    },
    start: async () => {
      await server.restart();
      return `pid ${server.pid} answers`;
    },
    pause: async () => {
      await server.pause();
      return `pid ${server.pid} is stopped`;
    },
    resume: async () => {
      await server.resume();
      return `pid ${server.pid} runs again`;
    },
    disconnect: async () => `${(await server.control('CLIENT', 'KILL', 'TYPE', 'normal')).trim()} connections closed`,
    block: async () => {
      await server.control('CONFIG', 'SET', 'maxmemory', '1');
      return 'there is no memory for writes';
    },
    unblock: async () => {
      await server.control('CONFIG', 'SET', 'maxmemory', '0');
      return 'there is memory for writes';
    },
  };
}

async function faultProxy(
  server: Redis,
  url: string,
  options: { readonly dedupWindowMs: number },
): Promise<FaultProxy> {
  const proxy = await startProxy({ host: '127.0.0.1', port: server.port });
  return {
    driver: () => redisStreams({ url: proxy.url(url), ...options }),
    inject: (fault, way) => proxy.inject(fault, way),
    heal: () => proxy.heal(),
    get bytes() {
      return proxy.bytes;
    },
    get liveConnections() {
      return proxy.liveConnections;
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}
