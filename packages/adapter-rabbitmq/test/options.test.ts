import { WaybillError } from '@waybill/core/driver';
import { adapter, rabbitmq } from '@waybill/adapter-rabbitmq';
import { describe, expect, test } from 'vitest';
import { capabilities, capabilitiesOf } from '../src/capabilities.ts';
import { connectError } from '../src/errors.ts';
import { type RabbitOptions, settingsOf } from '../src/options.ts';

describe('options', () => {
  test('a URL says where, as whom and in which virtual host', async () => {
    const settings = settingsOf('amqps://us%40er:p%2Fw@broker.example/sales%2Feu');
    expect(settings).toMatchObject({
      hosts: [{ hostname: 'broker.example', port: 5671 }],
      vhost: 'sales/eu',
      tls: {},
      heartbeatMs: 10_000,
    });
    expect(await settings.credentials()).toEqual({ username: 'us@er', password: 'p/w' });
  });

  test('without anything it is the server of this machine, and options win over the URL', async () => {
    const plain = settingsOf({});
    expect(plain).toMatchObject({ hosts: [{ hostname: 'localhost', port: 5672 }], vhost: '/', tls: undefined });
    expect(await plain.credentials()).toEqual({ username: 'guest', password: 'guest' });
    const given = settingsOf({
      url: 'amqp://a:b@c/d',
      hosts: ['x', 'y:1', '[::1]:2'],
      vhost: 'v',
      tls: { servername: 'z' },
      credentials: () => ({ username: 'u', password: 'p' }),
    });
    expect(given).toMatchObject({
      hosts: [
        { hostname: 'x', port: 5671 },
        { hostname: 'y', port: 1 },
        { hostname: '::1', port: 2 },
      ],
      vhost: 'v',
      tls: { servername: 'z' },
    });
    expect(await given.credentials()).toEqual({ username: 'u', password: 'p' });
  });

  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ heartbeat: 10 }, /no option "heartbeat"; did you mean "heartbeatMs"\?/],
    [{ Vhost: 'x' }, /did you mean "vhost"/],
    [{ reconnect: true }, /no option "reconnect"; there are: url, hosts/],
    [{ heartbeatMs: 10 }, /whole seconds in milliseconds/],
    [{ heartbeatMs: 1500 }, /whole seconds/],
    [{ connectTimeoutMs: 5 }, /100 to 600000/],
    [{ hosts: [] }, /list of/],
    [{ hosts: ['amqp://secret:secret@x'] }, /without scheme and credentials/],
    [{ credentials: { user: 'secret' } }, /\{ username, password \}/],
    [{ maxMessageBytes: -1 }, /bytes/],
    ['http://user:secret@host', /amqp:\/\/user:password/],
    ['amqp://user:secret@host:99999', /cannot be read/],
    ['amqp://user:secret@host?heartbeat=5', /no \?query/],
    ['amqp://user:secret%@host', /%25/],
  ];
  test.each(wrong)('%o is one clear error without a secret', (options, text) => {
    const caught = caughtFrom(() => rabbitmq(options as RabbitOptions));
    expect(WaybillError.is(caught, 'invalid')).toBe(true);
    expect(String(caught)).toMatch(text);
    expect(`${String(caught)} ${(caught as Error).stack}`).not.toMatch(/secret/);
  });

  test('the adapter makes a driver from a URL', () => {
    expect(adapter.schemes).toEqual(['amqp', 'amqps']);
    expect(adapter.fromUrl('amqp://localhost')).toMatchObject({ name: 'rabbitmq', spec: 1, capabilities });
    expect(() => adapter.fromUrl('redis://localhost')).toThrow(/amqps:/);
  });
});

describe('capabilities', () => {
  test('are JSON, lowered by version, and a server that is too old is refused', () => {
    expect(JSON.parse(JSON.stringify(capabilities))).toEqual(capabilities);
    for (const given of [capabilities, capabilitiesOf('RabbitMQ', '3.10.0', undefined)]) {
      expect([given, given.queue, given.topic, given.stream].every(Object.isFrozen)).toBe(true);
    }
    expect(capabilitiesOf('RabbitMQ', '4.3.6', undefined).queue).toMatchObject({
      release: 'linear',
      attempts: 'failures',
      priority: 'native',
      limits: { maxBytes: 16_777_216 },
    });
    expect(capabilitiesOf('RabbitMQ', '4.2.0', undefined).queue).toMatchObject({
      release: 'immediate',
      attempts: 'deliveries',
      priority: 'none',
      limits: { maxBytes: 16_777_216 },
    });
    expect(capabilitiesOf('RabbitMQ', '3.13.7', undefined).queue).toMatchObject({ limits: { maxBytes: 134_217_728 } });
    expect(capabilitiesOf('RabbitMQ', '5.0.0-rc.1', 1000).stream).toMatchObject({ limits: { maxBytes: 1000 } });
    expect(() => capabilitiesOf('RabbitMQ', '3.9.29', undefined)).toThrow(/3\.10 or newer/);
    expect(() => capabilitiesOf('LavinMQ', '4.0.0', undefined)).toThrow(/is LavinMQ/);
  });
});

describe('classify', () => {
  const { classify } = rabbitmq();
  const coded = (code: unknown, message = 'x'): Error => Object.assign(new Error(message), { code });
  test.each([
    [coded(404), 'not-found'],
    [coded(403), 'denied'],
    [
      coded(404, "NOT_FOUND - home node 'a@b' of durable queue 'q' in vhost '/' is down or inaccessible"),
      'unavailable',
    ],
    [
      coded(
        406,
        "PRECONDITION_FAILED - stream queue 's' in vhost '/' does not have a running replica on the local node",
      ),
      'unavailable',
    ],
    [coded(406), 'mismatch'],
    [coded(530), 'denied'],
    [coded(320), 'unavailable'],
    [coded(541), 'unavailable'],
    [coded(406, "PRECONDITION_FAILED - inequivalent arg 'x' for queue"), 'mismatch'],
    [coded(406, 'PRECONDITION_FAILED - message size 5 is larger than configured max size 4'), 'too-large'],
    [
      coded(406, 'PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1000 ms'),
      'lease-lost',
    ],
    [coded('ECONNREFUSED'), 'unavailable'],
    [coded('ENOTFOUND'), 'unavailable'],
    [coded('ETIMEDOUT'), 'unavailable'],
    [coded('CERT_HAS_EXPIRED'), 'denied'],
    [coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'denied'],
    [coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'denied'],
    [coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'denied'],
    [coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'protocol'],
    [coded('ERR_SOMETHING'), 'internal'],
    [coded(999), 'internal'],
    [new Error('Handshake terminated by server: 403 (ACCESS-REFUSED) with message "…"'), 'denied'],
    [new Error('Expected ConnectionOpenOk; got <ConnectionClose channel:0>'), 'denied'],
    [new Error('Frame size 1347375956 exceeds maxFrameSize 67108864'), 'protocol'],
    [new Error('Heartbeat timeout'), 'unavailable'],
    [new WaybillError('timeout', 'x'), 'timeout'],
    [new Error('something else'), 'internal'],
    ['a string', 'internal'],
    [undefined, 'internal'],
  ] as const)('%s is %s', (error, code) => {
    expect(classify(error)).toBe(code);
  });

  test('what went wrong while connecting says where and what to do', () => {
    const error = connectError(coded('ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:5672'), '10.0.0.1:5672');
    expect([error.code, error.broker, error.retryable]).toEqual(['unavailable', 'rabbitmq', true]);
    expect(error.message).toMatch(/^No connection to RabbitMQ at 10\.0\.0\.1:5672: .*\(check host and port/);
  });
});

function caughtFrom(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
