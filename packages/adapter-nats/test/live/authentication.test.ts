import { nkeys } from '@nats-io/transport-node';
import { WaybillError } from '@waybill/core/driver';
import { nats, type NatsOptions } from '@waybill/adapter-nats';
import { natsLines, startNats } from '@waybill/testbed';
import { describe, expect, test } from 'vitest';
import { newOperator, seedOf } from './operator.ts';
import { accept, consume, failureOf, idsOf, messages, never, newQueue, open, store } from './support.ts';

/** A message there and back: publishing, subscribing and JetStream are allowed. */
async function works(options: string | NatsOptions): Promise<void> {
  await using link = await open(options);
  const queue = await newQueue(link);
  await store(link, queue, messages(3));
  const consumer = await consume(link, queue);
  const got = await consumer.take(3);
  expect(idsOf(got)).toEqual(idsOf(messages(3)));
  await consumer.settle(accept, ...got);
}

/** One error of that code, soon, which shows none of the secrets. */
async function refused(code: string, options: string | NatsOptions, secrets: readonly string[]): Promise<string> {
  const since = performance.now();
  const error = await failureOf((async () => nats(options).connect({ signal: never, onBlocked: () => {} }))());
  if (!WaybillError.is(error)) throw new Error(`expected a WaybillError, got ${String(error)}`);
  expect(error.code).toBe(code);
  expect(performance.now() - since).toBeLessThan(4_000);
  const text = `${error.message} ${error.stack} ${String(error.cause)} ${JSON.stringify(error)}`;
  for (const secret of secrets) expect(text).not.toContain(secret);
  return error.message;
}

const denied = /check the credentials/;

describe.each(natsLines)('who may connect to NATS %s', (line) => {
  test('a token, of the options or alone in the URL; another one and none are denied', async () => {
    const token = 's3cret-token';
    await using server = await startNats({ line, name: 'adapter-token', configuration: { authorization: { token } } });
    const { url, port } = server;
    await works({ url, credentials: { token } });
    await works(`nats://${token}@127.0.0.1:${port}`);
    const wrong = 'wr0ng-token';
    expect(await refused('denied', { url, credentials: { token: wrong } }, [wrong])).toMatch(denied);
    expect(await refused('denied', url, [token])).toMatch(denied);
  });

  test('the seed of a key; that of a stranger is denied, and what is no seed of a user is invalid', async () => {
    const [known, stranger] = [nkeys.createUser(), nkeys.createUser()];
    const users = [{ nkey: known.getPublicKey() }];
    const configuration = { authorization: { users } };
    await using server = await startNats({ line, name: 'adapter-nkey', configuration });
    const { url } = server;
    await works({ url, credentials: { nkeySeed: seedOf(known) } });
    await works({ url, credentials: async () => ({ nkeySeed: `${seedOf(known)}\n` }) });
    const others = seedOf(stranger);
    expect(await refused('denied', { url, credentials: { nkeySeed: others } }, [others])).toMatch(denied);
    for (const nkeySeed of ['SUBROKEN', others.slice(1), others.toLowerCase(), seedOf(nkeys.createAccount())]) {
      const secrets = [nkeySeed];
      expect(await refused('invalid', { url, credentials: { nkeySeed } }, secrets)).toMatch(/no seed of a user/);
      expect(await refused('invalid', { url, credentials: () => ({ nkeySeed }) }, secrets)).toMatch(
        /no seed of a user/,
      );
    }
  });

  test('a credentials file; one of another account, of another key, or that has run out is denied', async () => {
    const { configuration, userFile } = newOperator();
    await using server = await startNats({ line, name: 'adapter-operator', configuration });
    const { url } = server;
    await works({ url, credentials: { credentialsFile: userFile() } });
    await works({ url, credentials: () => ({ credentialsFile: userFile().replaceAll('\n', '\r\n') }) });
    const seed = seedOf(nkeys.createUser());
    for (const credentialsFile of [
      userFile({ account: 'unknown' }),
      userFile({ seed }),
      userFile({ claims: { exp: Math.floor(Date.now() / 1000) - 60 } }),
    ]) {
      const secrets = credentialsFile.split('\n').filter((text) => /^(eyJ|SU)/.test(text));
      expect(secrets).toHaveLength(2);
      expect(await refused('denied', { url, credentials: { credentialsFile } }, secrets)).toMatch(denied);
    }
    for (const credentialsFile of ['/etc/sales.creds', userFile({ seed: 'SUBROKEN' }), seed])
      expect(await refused('invalid', { url, credentials: { credentialsFile } }, [seed, 'SUBROKEN'])).toMatch(
        /wants the text of a \.creds file/,
      );
  });
});

test('what a function returns that are no credentials is one clear error', async () => {
  await using server = await startNats({ line: '2.15', name: 'adapter-none' });
  const credentials = (): { token: string } => JSON.parse('{ "user": "secret" }') as { token: string };
  expect(await refused('invalid', { url: server.url, credentials }, ['secret'])).toMatch(/a function that returns/);
});
