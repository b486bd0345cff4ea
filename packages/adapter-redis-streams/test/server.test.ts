import { describe, expect, test } from 'vitest';
import { redisStreams } from '@waybill/adapter-redis-streams';
import { serverOf } from '../src/server.ts';

const info = (over: Readonly<Record<string, string>> = {}): string =>
  Object.entries({
    redis_version: '8.0.6',
    redis_mode: 'standalone',
    role: 'master',
    maxmemory: '0',
    maxmemory_policy: 'noeviction',
    aof_enabled: '1',
    ...over,
  })
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('');
const defaultUser = 'flags,on,nopass,commands,+@all,keys,~*';

describe('what a server says', () => {
  test.each([
    ['always', '1', 'os'],
    ['no', '1', 'process'],
    ['everysec', '1', 'none'],
    [undefined, '1', 'none'],
    ['always', '0', 'none'],
  ])('appendfsync %s, append-only file %s: %s', (appendfsync, logged, durability) => {
    expect(serverOf({ info: info({ aof_enabled: logged }), appendfsync, defaultUser }, 'none').durability).toBe(
      durability,
    );
  });

  test('Valkey goes by its own version, and forgets nothing when its default user may do nothing', () => {
    const limited = 'flags,off,commands,-@all';
    const valkey = info({ redis_version: '7.2.4', valkey_version: '9.1.2' });
    const answers = { appendfsync: 'always', defaultUser: limited };
    expect(serverOf({ info: valkey, ...answers }, 'os')).toMatchObject({
      product: 'Valkey',
      version: '9.1.2',
      durability: 'os',
    });
    expect(serverOf({ info: info(), ...answers }, 'none').durability).toBe('none');
  });

  test.each([
    [{ redis_version: '6.2.14' }, /Redis 6.2.14; Redis or Valkey 7/],
    [{ role: 'slave' }, /replica/],
    [{ maxmemory: '100', maxmemory_policy: 'allkeys-lfu' }, /allkeys-lfu.*noeviction/],
    [{ aof_enabled: '0' }, /durability is "none" and "process"/],
  ])('%j is refused', (over, pattern) => {
    expect(() => serverOf({ info: info(over), appendfsync: 'no', defaultUser }, 'process')).toThrow(pattern);
  });
});

describe('errors', () => {
  const { classify } = redisStreams();
  const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' });
  test.each([
    [reply('WRONGPASS invalid username-password pair'), 'denied'],
    [reply('NOPERM this user has no permissions'), 'denied'],
    [reply("NOGROUP No such key 'x'"), 'not-found'],
    [reply('NOPLACE x does not exist'), 'not-found'],
    [reply('WRONGTYPE Operation against a key'), 'mismatch'],
    [reply("OOM command not allowed when used memory > 'maxmemory'."), 'overloaded'],
    [reply('LOADING Redis is loading the dataset in memory'), 'unavailable'],
    [reply('MOVED 1 127.0.0.1:7000'), 'unavailable'],
    [reply('CLUSTERDOWN Hash slot not served'), 'unavailable'],
    [reply("ERR unknown command 'XADD'"), 'unsupported'],
    [reply('ERR something else'), 'internal'],
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'unavailable'],
    [new Error('Connection is closed.'), 'unavailable'],
    [new DOMException('The operation was aborted', 'AbortError'), 'aborted'],
    ['a text', 'internal'],
    [undefined, 'internal'],
  ])('%s is %s', (error, code) => {
    expect(classify(error)).toBe(code);
  });
});
