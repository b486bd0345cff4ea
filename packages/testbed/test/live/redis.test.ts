import { Cluster } from 'ioredis';
import { expect, test } from 'vitest';
import { redisLines, startRedis, startRedisCluster, waitFor } from '../../src/index.ts';
import { probeRedis } from '../../src/redis/probe.ts';
import { ignoreGivenServers } from './support.ts';

ignoreGivenServers();

const user = { name: 'waybill', password: 'p@ss "word/' };

test.each(redisLines)('Redis %s: TLS and users hold, over a restart too', async (line) => {
  await using server = await startRedis({ line, name: 'redis-secured', tls: true, user });
  const { url = '', mismatchedUrl = '', authority = '' } = server.tls ?? {};
  expect(await probeRedis(url, { authority })).toBe(server.version);
  await expect(probeRedis(url)).rejects.toThrow(/unable to verify|self-signed/);
  await expect(probeRedis(mismatchedUrl, { authority })).rejects.toThrow('does not match');

  await expect(probeRedis(server.url.replace('p%40ss', 'wrong'))).rejects.toThrow('WRONGPASS');
  await expect(probeRedis(`redis://127.0.0.1:${server.port}`)).rejects.toThrow('NOAUTH');
  const reader = await server.addUser({ name: 'reader', password: 'x', rules: ['~*', '+info', '+ping'] });
  const twoWrites = "redis.call('SET', 'one', '1') redis.call('SET', 'other', '2')";
  await server.control('EVAL', twoWrites, '0');
  await server.restart();
  expect(await server.control('DBSIZE')).toBe('2\n');
  expect(await probeRedis(reader)).toBe(server.version);
  await expect(probeRedis(reader.replace(':x@', ':y@'))).rejects.toThrow('WRONGPASS');
});

test.each(redisLines)('Redis %s: redis-cli works on it, and says why when it does not', async (line) => {
  await using server = await startRedis({ line, name: 'redis-controlled', configuration: { appendfsync: 'everysec' } });
  expect(await server.control('CONFIG', 'GET', 'appendfsync')).toContain('everysec');
  expect(await server.control('CONFIG', 'GET', 'appendonly')).toContain('yes');
  await expect(server.control('NO-SUCH-COMMAND')).rejects.toThrow(/failed: exit code 1\n.*unknown command/);
});

test('a setting that does not exist is told with the words of the server', async () => {
  const started = startRedis({ line: '8', name: 'redis-misset', configuration: { 'no-such-setting': 'yes' } });
  await expect(started).rejects.toThrow(/^Redis did not start: it ended;[^]*no-such-setting/);
});

test.each(redisLines)(
  'Redis %s: of three masters one is killed, and its slots are back after a restart',
  async (line) => {
    await using cluster = await startRedisCluster({ line });
    const client = new Cluster(
      cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
      { redisOptions: { maxRetriesPerRequest: 1 } },
    );
    try {
      const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
      for (const key of keys) await client.set(key, key);
      const [first] = cluster.nodes;
      const { keys: found, empty } = await keysOn(cluster.nodes.map((node) => node.control('DBSIZE')));
      expect(found).toBe(keys.length);
      expect(empty).toBe(0);
      await first?.kill();
      await first?.restart();
      const values = async () => Promise.all(keys.map(async (key) => client.get(key))).catch(() => undefined);
      expect(await waitFor('all slots', values, { everyMs: 100 })).toEqual(keys);
    } finally {
      client.disconnect();
    }
  },
);

/** Keys in all, and masters without any. */
async function keysOn(sizes: readonly Promise<string>[]): Promise<{ keys: number; empty: number }> {
  const counts = (await Promise.all(sizes)).map(Number);
  return { keys: counts.reduce((sum, count) => sum + count, 0), empty: counts.filter((count) => count === 0).length };
}
