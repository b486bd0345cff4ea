import { WaybillError } from '@waybill/core/driver';
import { adapter, redisStreams } from '@waybill/adapter-redis-streams';
import { describe, expect, test } from 'vitest';
import { settingsOf } from '../src/options.ts';

const errorOf = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    return WaybillError.is(error, 'invalid') ? error.message : String(error);
  }
  return 'taken';
};

describe('options', () => {
  test('a URL says where, who, which database and whether TLS', async () => {
    const settings = settingsOf('rediss://some:pa%23ss@redis.example:7000/3');
    expect(settings).toMatchObject({ hosts: [{ hostname: 'redis.example', port: 7000 }], database: 3, tls: {} });
    expect(await settings.credentials()).toEqual({ username: 'some', password: 'pa#ss' });
  });

  test('defaults', async () => {
    const settings = settingsOf({});
    expect(settings).toMatchObject({
      hosts: [{ hostname: 'localhost', port: 6379 }],
      database: 0,
      tls: undefined,
      keyPrefix: 'waybill:',
      heartbeatMs: 5_000,
      connectTimeoutMs: 10_000,
      maxMessageBytes: 16 << 20,
      pollMs: 250,
      dedupWindowMs: 0,
      groupSessionMs: 6_000,
      durability: 'none',
    });
    expect(await settings.credentials()).toBeUndefined();
    expect(settingsOf('redis://:secret@localhost').hosts).toHaveLength(1);
    expect(await settingsOf('redis://:secret@localhost').credentials()).toEqual({ password: 'secret' });
  });

  test('options come before what the URL says', async () => {
    const given = {
      url: 'redis://a:b@one/1',
      hosts: ['[::1]:7000', 'two'],
      database: 2,
      credentials: { password: 'p' },
    };
    const settings = settingsOf(given);
    expect(settings.hosts).toEqual([
      { hostname: '::1', port: 7000 },
      { hostname: 'two', port: 6379 },
    ]);
    expect(settings.database).toBe(2);
    expect(await settings.credentials()).toEqual({ password: 'p' });
    expect(settingsOf({ url: 'rediss://one', tls: false }).tls).toBeUndefined();
  });

  test.each<[unknown, RegExp]>([
    ['http://localhost', /looks like redis:\/\//],
    ['redis://', /looks like redis:\/\//],
    ['redis://secret@localhost?db=1', /takes no \?query/],
    ['redis://localhost/orders', /number of a database/],
    ['redis://us%er@localhost', /begins no code/],
    [{ heartbeat: 1 }, /no option "heartbeat"; did you mean "heartbeatMs"/],
    [{ heartbeatMs: 5 }, /"heartbeatMs" wants whole milliseconds, 500 to 60000/],
    [{ hosts: ['redis://secret@a'] }, /without scheme and credentials/],
    [{ hosts: [] }, /"hosts" wants/],
    [{ keyPrefix: '{x}' }, /"keyPrefix" wants text without/],
    [{ durability: 'forever' }, /"durability" wants "none", "process", "os"/],
    [{ credentials: { username: 'a' } }, /"credentials" wants/],
    [{ connectionName: 'two words' }, /"connectionName" wants/],
  ])('%j is refused in one sentence, without a credential', (given, pattern) => {
    const message = errorOf(() => redisStreams(given as never));
    expect(message).toMatch(pattern);
    expect(message).not.toContain('secret');
  });

  test('the schemes that connect looks for', () => {
    expect(adapter.schemes).toEqual(['redis', 'rediss']);
    expect(adapter.fromUrl('redis://localhost').name).toBe('redis-streams');
  });
});
