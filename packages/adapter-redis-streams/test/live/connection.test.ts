import { connect, queue, type, WaybillError } from '@waybill/core';
import { redisStreams } from '@waybill/adapter-redis-streams';
import { redisLines, startProxy, startRedis, waitFor } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import { consume, failureOf, idsOf, message, never, newQueue, open, place, store } from './support.ts';

describe.each(redisLines)('connections to %s', async (line) => {
  const server = await startRedis({ line, tls: true });
  afterAll(() => server[Symbol.asyncDispose]());
  const failing = async (options: Parameters<typeof redisStreams>[0]): Promise<WaybillError> => {
    const error = await failureOf(redisStreams(options).connect({ signal: never, onBlocked: () => {} }));
    expect(WaybillError.is(error)).toBe(true);
    return error as WaybillError;
  };

  test('the server says what survives', async () => {
    await using link = await open(server.url);
    expect(link.native.server).toMatchObject({
      version: server.version.replace('valkey-', ''),
      isCluster: false,
      durability: 'os',
    });
    await server.control('CONFIG', 'SET', 'appendfsync', 'everysec');
    try {
      await using lazy = await open(server.url);
      expect(lazy.native.server.durability).toBe('none');
      const error = await failing({ url: server.url, durability: 'process' });
      expect([error.code, error.message]).toEqual(['unsupported', expect.stringContaining('appendfsync always')]);
    } finally {
      await server.control('CONFIG', 'SET', 'appendfsync', 'always');
    }
  });

  test('a server that evicts whole queues is refused, one that evicts what expires is not', async () => {
    await server.control('CONFIG', 'SET', 'maxmemory', '1gb', 'maxmemory-policy', 'allkeys-lru');
    try {
      expect((await failing(server.url)).message).toContain('noeviction');
      await server.control('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
      await using link = await open(server.url);
      await link.ping(never);
    } finally {
      await server.control('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
    }
  });

  test('wrong credentials, a database that is not there, TLS on the wrong port: one clear error each', async () => {
    const url = new URL(await server.addUser({ name: 'someone', password: 'right-password' }));
    url.password = 'wrong-password';
    const denied = await failing(url.href);
    expect(denied.code).toBe('denied');
    expect(JSON.stringify([denied.message, denied.cause, denied.stack])).not.toContain('wrong-password');
    expect((await failing({ url: server.url, database: 5_000 })).code).toBe('invalid');
    expect((await failing({ url: server.url, tls: true, connectTimeoutMs: 500 })).message).toContain('TLS');
    expect((await failing({ url: 'redis://127.0.0.1:20001' })).message).toContain('127.0.0.1:20001');
  });

  test('a user with the rights of the manual and no more sends, receives and is taken over', async () => {
    const rules = [
      '~waybill:*',
      '+@stream',
      '+@read',
      '+@write',
      '+@scripting',
      '+@connection',
      '+info',
      '+time',
      '+client|list',
      '+client|unblock',
    ];
    const url = await server.addUser({ name: 'modest', password: 'modest-password', rules });
    await using link = await open(url);
    const jobs = await newQueue(link);
    await store(link, jobs, [message('one'), message('later', { delayMs: 50 })]);
    const taker = await consume(link, jobs);
    expect(idsOf(await taker.take(2))).toEqual(['one', 'later']);
    const reader = new URL(
      await server.addUser({
        name: 'reader',
        password: 'reader-password',
        rules: ['~*', '+@read', '+@connection', '+info'],
      }),
    );
    await using reading = await open(reader.href);
    const error = await failureOf(newQueue(reading));
    expect(redisStreams(server.url).classify(error)).toBe('denied');
    expect(String(error)).toContain('NOPERM');
  });

  test('TLS with a trusted authority', async () => {
    await using link = await open({ url: server.tls!.url, tls: { ca: server.tls!.authority } });
    const jobs = await newQueue(link);
    await store(link, jobs, [message('safe')]);
    expect(idsOf(await (await consume(link, jobs)).take(1))).toEqual(['safe']);
  });

  test('hosts are tried in turn', async () => {
    await using link = await open({ hosts: ['127.0.0.1:20001', `127.0.0.1:${server.port}`] });
    expect(await link.native.client.ping()).toBe('PONG');
  });

  test('a half-open connection is noticed by senders and by waiting readers, and what was on its way is unknown', async () => {
    await using proxy = await startProxy({ host: '127.0.0.1', port: server.port });
    await using link = await open({ url: proxy.url(server.url), heartbeatMs: 500 });
    const jobs = await newQueue(link);
    const taker = await consume(link, jobs);
    const pulling = failureOf(
      taker.lane.pull(1, never).then((found) => (found.length === 0 ? 'nothing' : 'something')),
    );
    await proxy.inject({ kind: 'drop' }, 'both');
    const sending = link.send(jobs, [message('swallowed')]);
    const [cause, ended] = await Promise.all([link.closed, taker.receiver.closed]);
    expect(String(cause)).toMatch(/did not answer within 500 ms/);
    expect(ended).toBeDefined();
    expect((await sending).unsent).toMatchObject([{ outcome: 'unknown' }]);
    expect(await pulling).not.toBe('something');
  });

  test('what is still sent to a link that was lost was certainly not stored', async () => {
    await using link = await open(server.url);
    const jobs = await newQueue(link);
    await server.control('CLIENT', 'KILL', 'TYPE', 'normal');
    await link.closed;
    expect((await link.send(jobs, [message('late')])).unsent).toMatchObject([{ outcome: 'rejected' }]);
  });

  test('scripts that the server forgot are told again', async () => {
    await using link = await open(server.url);
    const jobs = await newQueue(link);
    await server.control('SCRIPT', 'FLUSH');
    await store(link, jobs, [message('again')]);
    expect(idsOf(await (await consume(link, jobs)).take(1))).toEqual(['again']);
  });

  test('a queue that is deleted under its consumer is said to be missing, and works when it is made again', async () => {
    await using link = await open({ url: server.url, pollMs: 20 });
    const jobs = await newQueue(link);
    const taker = await consume(link, jobs);
    const pulling = failureOf(taker.take(1));
    await server.control('DEL', `waybill:queue:{${jobs.name}}`);
    const error = await pulling;
    expect(redisStreams(server.url).classify(error)).toBe('not-found');
    expect((await link.send(jobs, [message('nowhere')])).unsent).toMatchObject([{ outcome: 'rejected' }]);
  });

  test('one application lives through a restart with what it had', async () => {
    const jobs = queue(place().name, { schema: type<number>() });
    const states: string[] = [];
    const bus = await connect(
      server.url,
      { jobs },
      { observe: (event) => event.type === 'link' && states.push(event.state) },
    );
    try {
      const seen = new Set<number>();
      await bus.jobs.sendMany([1, 2, 3]);
      await server.kill();
      await server.restart();
      await bus.jobs.consume((job) => void seen.add(job));
      await bus.jobs.send(4);
      await waitFor('all four', () => (seen.size === 4 ? true : undefined));
      expect(seen).toEqual(new Set([1, 2, 3, 4]));
      expect(states).toContain('down');
    } finally {
      await bus.close();
    }
  });
});

test('a default user without rights: Redis would forget scripts when it starts, so nothing counts as durable', async () => {
  await using server = await startRedis({ line: '8' });
  const url = await server.addUser({ name: 'waybill', password: 'some-password' });
  const asWaybill = ['--user', 'waybill', '--pass', 'some-password', '--no-auth-warning'];
  await server.control(...asWaybill, 'ACL', 'SETUSER', 'default', '-@all');
  {
    await using link = await open(url);
    expect(link.native.server.durability).toBe('none');
    const error = await failureOf(open({ url, durability: 'os' }));
    expect(String(error)).toContain('user default off ~* &* +@all');
  }
  await server.control(...asWaybill, 'ACL', 'SETUSER', 'default', '+@all');
});
