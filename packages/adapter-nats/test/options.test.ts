import { WaybillError } from '@waybill/core/driver';
import { adapter, nats } from '@waybill/adapter-nats';
import { describe, expect, test } from 'vitest';
import { capabilities, capabilitiesOf } from '../src/capabilities.ts';
import { connectError } from '../src/errors.ts';
import { type NatsOptions, settingsOf } from '../src/options.ts';

describe('options', () => {
  test('a URL says where and as whom; a lone user name is a token', async () => {
    const settings = settingsOf('nats+tls://us%40er:p%2Fw@broker.example,other.example:1');
    expect(settings).toMatchObject({
      hosts: ['broker.example:4222', 'other.example:1'],
      tls: {},
      pingIntervalMs: 5_000,
    });
    expect(await settings.credentials()).toEqual({ username: 'us@er', password: 'p/w' });
    expect(await settingsOf('nats://t%20k@host').credentials()).toEqual({ token: 't k' });
  });

  test('without anything it is the server of this machine, and options win over the URL', async () => {
    const plain = settingsOf({});
    expect(plain).toMatchObject({ hosts: ['localhost:4222'], tls: undefined, inboxPrefix: '_INBOX', replicas: 1 });
    expect(await plain.credentials()).toBeUndefined();
    const credentials = () => ({ nkeySeed: 'SU' });
    const given = settingsOf({
      url: 'nats+tls://a:b@c',
      hosts: ['x', '[::1]:2'],
      tls: false,
      credentials,
      domain: 'hub',
    });
    expect(given).toMatchObject({ hosts: ['x:4222', '[::1]:2'], tls: undefined, domain: 'hub' });
    expect(await given.credentials()).toEqual({ nkeySeed: 'SU' });
  });

  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ pingInterval: 10 }, /no option "pingInterval".*did you mean "pingIntervalMs"\?/],
    [{ reconnect: true }, /no option "reconnect"/],
    [{ pingIntervalMs: 10 }, /500 to 120000/],
    [{ answerTimeoutMs: 5 }, /100 to 600000/],
    [{ maxLeaseMs: 1 }, /500 to 3600000/],
    [{ replicas: 6 }, /1 to 5/],
    [{ duplicateWindowMs: 1 }, /100 to 86400000/],
    [{ inboxPrefix: 'a.*' }, /without wildcards/],
    [{ domain: 'a.b' }, /JetStream domain/],
    [{ hosts: [] }, /list of/],
    [{ hosts: ['nats://secret:secret@x'] }, /without scheme and credentials/],
    [{ hosts: ['u:secret@x'] }, /without scheme and credentials/],
    [{ credentials: { user: 'secret' } }, /\{ username, password \}/],
    ['http://user:secret@host', /nats:\/\/user:password/],
    ['nats://', /cannot be read/],
    ['nats://user:secret@host:99999', /cannot be read/],
    ['nats://user:secret@host?name=5', /no \?query/],
    ['nats://user:secret@host/path', /no path/],
    ['nats://user:secret%@host', /%25/],
  ];
  test.each(wrong)('%o is one clear error without a secret', (options, text) => {
    const caught = caughtFrom(() => nats(options as NatsOptions));
    expect(WaybillError.is(caught, 'invalid')).toBe(true);
    expect(String(caught)).toMatch(text);
    expect(`${String(caught)} ${(caught as Error).stack}`).not.toMatch(/secret/);
  });

  test('the adapter makes a driver from a URL', () => {
    expect(adapter.schemes).toEqual(['nats', 'nats+tls']);
    expect(adapter.fromUrl('nats://localhost')).toMatchObject({ name: 'nats', spec: 1, capabilities });
    expect(() => adapter.fromUrl('redis://localhost')).toThrow(/nats\+tls:/);
  });
});

describe('capabilities', () => {
  test('are JSON, lowered by version and largest message, and a server that is too old is refused', () => {
    expect(JSON.parse(JSON.stringify(capabilities))).toEqual(capabilities);
    const of = (version: string, isClustered = false) => capabilitiesOf({ version, maxPayload: 1 << 20, isClustered });
    const old = of('2.9.10');
    for (const given of [capabilities, old])
      expect([given, given.queue, given.topic, given.stream].every(Object.isFrozen)).toBe(true);
    expect(old.queue).toMatchObject({ delay: 'none', limits: { maxBytes: (1 << 20) - 8192, maxDelayMs: 0 } });
    expect(of('2.12.0-RC.1').queue).toMatchObject({ delay: 'native' });
    expect(() => of('2.8.4')).toThrow(/2\.9 or newer/);
    expect([old, of('2.9.10', true), of('2.10.0', true)].map(({ queue }) => queue)).toMatchObject([
      { order: 'total' },
      { order: 'none' },
      { order: 'total' },
    ]);
  });
});

describe('errors', () => {
  test('an error that nobody knows is internal, and a connect error says what to do', () => {
    for (const odd of [undefined, 'text', new Error('odd'), { code: 1 }]) expect(nats().classify(odd)).toBe('internal');
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });
    expect(connectError(refused, '127.0.0.1:1')).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/NATS at 127\.0\.0\.1:1: .*check host and port/),
    });
  });
});

function caughtFrom(work: () => unknown): unknown {
  try {
    work();
    return 'nothing was thrown';
  } catch (error) {
    return error;
  }
}
