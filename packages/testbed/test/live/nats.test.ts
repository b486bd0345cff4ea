import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { natsLines, startNats, startNatsCluster, waitFor } from '../../src/index.ts';
import { probeNats } from '../../src/nats/probe.ts';
import { ignoreGivenServers } from './support.ts';

ignoreGivenServers();

const user = { name: 'waybill', password: '$p@ss "word/' };

test.each(natsLines)('NATS %s: TLS and the user hold', async (line) => {
  await using server = await startNats({ line, name: 'nats-secured', tls: true, user });
  const { url = '', mismatchedUrl = '', authority = '' } = server.tls ?? {};
  expect(server.url).toBe(url);
  const login = { user: user.name, pass: user.password, reconnect: false };
  const connection = await connect({ servers: new URL(url).host, tls: { ca: authority }, ...login });
  expect(connection.info?.version).toBe(server.version);
  await connection.close();

  const wrong = { ...login, pass: 'wrong' };
  await expect(connect({ servers: new URL(url).host, tls: { ca: authority }, ...wrong })).rejects.toThrow(/auth/i);
  await expect(probeNats(url)).rejects.toThrow(/unable to verify|self-signed/);
  await expect(probeNats(mismatchedUrl, { authority })).rejects.toThrow('does not match');
  expect(await probeNats(url, { authority })).toBe(server.version);
});

test.each(natsLines)('NATS %s: settings are added to ours, and the monitoring interface tells them', async (line) => {
  const configuration = { max_payload: 65_536, jetstream: { max_memory_store: 1_048_576 } };
  await using server = await startNats({ line, name: 'nats-set', configuration });
  expect(await server.monitor('varz')).toMatchObject({
    version: server.version,
    max_payload: 65_536,
    jetstream: { config: { max_memory: 1_048_576, store_dir: expect.stringContaining(server.data ?? '') } },
  });
  await expect(server.monitor('no-such-page')).rejects.toThrow('answered 404');
});

test('a setting that does not exist is told with the words of the server', async () => {
  const started = startNats({ line: '2.15', name: 'nats-misset', configuration: { no_such_setting: 1 } });
  await expect(started).rejects.toThrow(/^NATS did not start: it ended;[^]*no_such_setting/);
});

test.each(natsLines)(
  'NATS %s: a stream of three replicas goes on without the leader, which comes back',
  async (line) => {
    await using cluster = await startNatsCluster({ line });
    const connection = await connect({
      servers: cluster.nodes.map(({ port }) => `127.0.0.1:${port}`),
      ignoreClusterUpdates: true,
    });
    try {
      const ask = async (subject: string, question: object) =>
        (await connection.request(`$JS.API.${subject}`, JSON.stringify(question))).json<StreamAnswer>();
      const stream = { name: 'kept', subjects: ['kept'], storage: 'file', num_replicas: 3 };
      const created = await ask('STREAM.CREATE.kept', stream);
      expect(created.cluster?.replicas).toHaveLength(2);
      await connection.request('kept', 'before');
      const leader = cluster.nodes.find(({ port }) => created.cluster?.leader === `waybill-${port}`);
      expect(leader).toBeDefined();
      await leader?.kill();
      const publish = async () => connection.request('kept', 'after', { timeout: 1_000 }).catch(() => undefined);
      await waitFor('a new leader', publish, { timeoutMs: 40_000, everyMs: 100 });
      await leader?.restart();
      const isWhole = async () => {
        const { cluster: members } = await ask('STREAM.INFO.kept', {});
        return members?.replicas.every(({ current }) => current) || undefined;
      };
      expect(await waitFor('the replica to be current', isWhole, { timeoutMs: 30_000, everyMs: 100 })).toBe(true);
    } finally {
      await connection.close();
    }
  },
);

interface StreamAnswer {
  readonly cluster?: { readonly leader: string; readonly replicas: readonly { readonly current: boolean }[] };
}
