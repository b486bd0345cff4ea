import { adapter, kafka, type KafkaOptions } from '@waybill/adapter-kafka';
import { WaybillError } from '@waybill/core/driver';
import { describe, expect, test } from 'vitest';
import { checkNode } from '../src/client.ts';
import { classify, connectError, KafkaError } from '../src/errors.ts';
import { checkedName } from '../src/names.ts';
import { settingsOf } from '../src/options.ts';

const refusal = (work: () => unknown): WaybillError => {
  try {
    work();
  } catch (error) {
    if (WaybillError.is(error)) return error;
  }
  throw new Error('it was not refused');
};

describe('options', () => {
  test('a URL says where, as whom and how', async () => {
    const settings = settingsOf(
      'kafka+tls://us%40er:p%2Fw@broker.example?mechanism=scram-sha-256&sessionTimeoutMs=6000',
    );
    expect(settings).toMatchObject({
      hosts: [{ hostname: 'broker.example', port: 9092 }],
      tls: {},
      mechanism: 'scram-sha-256',
      sessionTimeoutMs: 6000,
      requestTimeoutMs: 10_000,
    });
    expect(await settings.credentials?.()).toEqual({ username: 'us@er', password: 'p/w' });
  });
  test('hosts replace the host of the URL, and an option what its query says', () => {
    expect(settingsOf('kafka://u:p@a:1,b?partitions=3').hosts).toEqual([
      { hostname: 'a', port: 1 },
      { hostname: 'b', port: 9092 },
    ]);
    const settings = settingsOf({ url: 'kafka://one?partitions=3', hosts: ['two:9093', '[::1]'], partitions: 4 });
    expect(settings.hosts).toEqual([
      { hostname: 'two', port: 9093 },
      { hostname: '::1', port: 9092 },
    ]);
    expect(settings).toMatchObject({ partitions: 4, tls: undefined, credentials: undefined });
  });
  test('queues go through share groups where that is asked for, and then the driver says so', () => {
    expect(settingsOf('kafka://one').queues).toBe('groups');
    expect(settingsOf('kafka://one?queues=share-groups').queues).toBe('share-groups');
    expect(kafka('kafka://one').capabilities.queue.style).toBe('position');
    const { queue, topic, stream } = kafka({ queues: 'share-groups' }).capabilities;
    expect([queue.style, topic.style, stream.style]).toEqual(['lease', 'position', 'position']);
  });
  test.each<readonly [string, string | KafkaOptions, RegExp]>([
    ['another scheme', 'amqp://localhost', /looks like kafka:/],
    ['no URL', 'localhost:9092', /looks like kafka:/],
    ['a path', 'kafka://localhost/topic', /looks like kafka:/],
    ['a bad % in a password', 'kafka://user:%zz@localhost', /begins no code/],
    ['an unknown option', { session: 3 } as KafkaOptions, /no option "session"; did you mean "sessionTimeoutMs"/],
    ['an unknown option in the URL', 'kafka://localhost?colour=red', /no option "colour"/],
    ['a time that is no number', 'kafka://localhost?requestTimeoutMs=soon', /"requestTimeoutMs" wants milliseconds/],
    ['a host with a scheme', { hosts: ['kafka://one'] }, /without scheme/],
    ['a host that is none', 'kafka://a:1,b:x', /"b:x" is no broker/],
    [
      'a codec that there is not',
      { compression: 'brotli' } as unknown as KafkaOptions,
      /"compression" wants none, gzip/,
    ],
    ['queues of a third kind', 'kafka://one?queues=shares', /"queues" wants groups, share-groups/],
    ['no partition', { partitions: 0 }, /"partitions" wants a number, 1 to 10000/],
  ])('refuses %s', (_, given, expected) => {
    const error = refusal(() => kafka(given));
    expect(error.code).toBe('invalid');
    expect(error.message).toMatch(expected);
  });
  test('no refusal repeats a password', () => {
    const error = refusal(() => settingsOf('kafka://user:hush%zz@localhost'));
    expect(error.message).not.toContain('hush');
  });
  test('the adapter reads both schemes', () => {
    for (const scheme of adapter.schemes) expect(adapter.fromUrl(`${scheme}://localhost`).name).toBe('kafka');
  });
});

describe('the client library', () => {
  test.each(['22.22.0', '22.23.1', '24.6.0', '24.21.0', '26.0.0'])('runs on Node %s', (version) => {
    expect(() => checkNode(version)).not.toThrow();
  });
  test.each(['20.19.0', '22.21.9', '23.11.0', '24.5.0'])('is not loaded on Node %s', (version) => {
    const error = refusal(() => checkNode(version));
    expect(error.code).toBe('unsupported');
    expect(error.message).toContain(`needs Node 22.22 or 24.6 and newer, this is ${version}`);
    expect(error.message).toMatch(/npm install kafkajs@2\.2\.4.*client: 'kafkajs'/);
  });
  test('is what the options or the URL say', () => {
    expect(settingsOf('kafka://localhost').client).toBe('platformatic');
    expect(settingsOf('kafka://localhost?client=kafkajs').client).toBe('kafkajs');
    expect(settingsOf({ client: 'kafkajs' }).client).toBe('kafkajs');
    expect(refusal(() => kafka('kafka://localhost?client=librdkafka')).message).toMatch(
      /"client" wants platformatic, kafkajs/,
    );
  });
});

describe('names', () => {
  test.each(['orders', 'Orders_2.eu-west'])('%j is a topic', (name) => {
    expect(checkedName('queue', name)).toBe(name);
  });
  test.each([
    ['or ders', /only letters/],
    ['a/b', /only letters/],
    ['größe', /only letters/],
    ['..', /reserved/],
    ['x'.repeat(250), /at most 249/],
  ])('%j is none', (name, expected) => {
    const error = refusal(() => checkedName('queue', name));
    expect(error.code).toBe('invalid');
    expect(error.message).toMatch(expected);
  });
});

describe('errors', () => {
  test.each<readonly [number, string]>([
    [1, 'mismatch'],
    [3, 'not-found'],
    [6, 'unavailable'],
    [10, 'too-large'],
    [17, 'invalid'],
    [25, 'lease-lost'],
    [29, 'denied'],
    [32, 'invalid'],
    [58, 'denied'],
    [9999, 'internal'],
  ])('code %i of the protocol is %s', (code, expected) => {
    expect(classify(new KafkaError(code, 'a test'))).toBe(expected);
  });
  test('the innermost reason counts', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const wrapped = Object.assign(new Error('failed', { cause: refused }), { code: 'PLT_KFK_USER' });
    expect(classify(wrapped)).toBe('unavailable');
    expect(classify(new Error('who knows'))).toBe('internal');
    expect(classify('not an error')).toBe('internal');
  });
  test('a connection that fails says where, why and what to do', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(connectError(refused, 'localhost:9092')).toMatchObject({
      code: 'unavailable',
      broker: 'kafka',
      message: expect.stringMatching(/at localhost:9092: connect ECONNREFUSED \(check host and port/) as string,
    });
  });
});
