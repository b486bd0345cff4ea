import type { KafkaOptions } from '@waybill/adapter-kafka';
import { startKafka } from '@waybill/testbed';
import { afterAll, describe, expect, test } from 'vitest';
import { failureOf, message, newStream, open as openLink, store } from './support.ts';

const user = { name: 'somebody', password: 'sesame-open-9' };
const broker = await startKafka({ line: '4.3', tls: true, user });
afterAll(() => broker[Symbol.asyncDispose]());

const { host } = new URL(broker.url);
const credentials = { username: user.name, password: user.password };

const clients = ['platformatic', 'kafkajs'] as const;
type Client = (typeof clients)[number];
const opening =
  (client: Client) =>
  (options: string | KafkaOptions): ReturnType<typeof openLink> =>
    openLink(typeof options === 'string' ? { url: options, client } : { ...options, client });

describe.each(clients)('authentication with %s', (client) => {
  const open = opening(client);

  test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('by %s lets in who may', async (mechanism) => {
    await using link = await open({ url: `kafka://${host}`, credentials, mechanism });
    const log = await newStream(link);
    await store(link, log, [message('one')]);
    expect(await link.admin!.depth({ ...log, from: 'earliest' })).toEqual({ ready: 1 });
  });

  test('asks a function for the credentials of each connection', async () => {
    let asked = 0;
    const current = (): typeof credentials => {
      asked++;
      return credentials;
    };
    await using link = await open({ url: `kafka://${host}`, credentials: current, mechanism: 'scram-sha-512' });
    await link.ping(new AbortController().signal);
    expect(asked).toBeGreaterThan(0);
  });

  test.each(['plain', 'scram-sha-512'] as const)(
    'by %s refuses a wrong password, and no text repeats it',
    async (mechanism) => {
      const wrong = { ...credentials, password: 'not-this-one' };
      const error = await failureOf(open({ url: `kafka://${host}`, credentials: wrong, mechanism }));
      expect(error).toMatchObject({ code: 'denied', broker: 'kafka' });
      expect(String(error)).toContain('check the credentials');
      expect(String(error)).not.toContain('not-this-one');
    },
  );

  test('that is missing is told, with what may be the reason', async () => {
    const error = await failureOf(open(`kafka://${host}`));
    expect(error).toMatchObject({ broker: 'kafka' });
    expect(String(error)).toMatch(/authentication|TLS/);
  });
});

describe.each(clients)('TLS with %s', (client) => {
  const open = opening(client);

  test('with the authority that signed the certificate is trusted', async () => {
    await using link = await open({ url: broker.tls!.url, tls: { ca: broker.tls!.authority } });
    expect(await link.ping(new AbortController().signal)).toBeUndefined();
  });
  test('without it is refused', async () => {
    expect(await failureOf(open(broker.tls!.url))).toMatchObject({ code: 'denied' });
  });
  test('under a name that the certificate does not hold is refused', async () => {
    const url = broker.tls!.mismatchedUrl;
    expect(await failureOf(open({ url, tls: { ca: broker.tls!.authority } }))).toMatchObject({ code: 'denied' });
  });
  test('on a port that speaks none is told', async () => {
    const url = `kafka+tls://${user.name}:${user.password}@${host}`;
    const error = await failureOf(open({ url, connectTimeoutMs: 3000 }));
    expect(String(error)).toMatch(/TLS/);
    expect(String(error)).not.toContain(user.password);
  });
});
