import { randomUUID } from 'node:crypto';
import { nats } from '@waybill/adapter-nats';
import { defineTarget, type Security, type Target } from '@waybill/conformance';
import { type Nats, type NatsLine, startNats, startProxy } from '@waybill/testbed';
import { processControl, proxyBefore } from './server.ts';

/** A NATS server of the testbed with every control, and one with TLS beside it; one from the environment has neither. */
export async function natsTarget(line: NatsLine): Promise<Target> {
  const given = process.env[line === '2.9' ? 'WAYBILL_NATS_29_URL' : 'WAYBILL_NATS_URL'] !== undefined;
  const user = { name: 'waybill', password: `secret-${randomUUID()}` };
  // As servers are set up by default. Synced before every confirm, O13 and O05 would be about the disk.
  const configuration = { jetstream: { sync_interval: '2m' } };
  const server = await startNats(given ? { line } : { line, user, ...(line !== '2.9' && { configuration }) });
  const secure = given ? undefined : await startNats({ line, user, tls: true });
  // NATS has no way to cut its clients that every version knows, so that all of them come through here.
  const gate = await startProxy({ host: '127.0.0.1', port: server.port });
  const url = gate.url(server.url);
  return defineTarget({
    name: `nats-${line}`,
    // Some cases wait ten seconds for what a lost connection took with it.
    driver: () => nats({ url, maxLeaseMs: 5_000 }),
    url,
    version: () => server.version,
    profile: {
      durable: 'process',
      blocks: 'never',
      note: 'one server, file storage, synced every two minutes; leases of five seconds',
    },
    timing: { quietMs: 250 },
    proxy: () => proxyBefore(server, (through) => nats(through)),
    ...(!given && { security: securityOf(server, secure, user.password) }),
    control: {
      ...(server.controls === 'process' && processControl(server)),
      disconnect: async () => {
        const cut = gate.liveConnections;
        await gate.inject({ kind: 'reset' });
        return `${cut} connections were reset`;
      },
    },
    close: async () => {
      await gate[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await secure?.[Symbol.asyncDispose]();
    },
  });
}

const wrong = 'not-the-password';

function securityOf({ url }: Nats, secure: Nats | undefined, password: string): Security {
  const refused = new URL(url);
  refused.password = wrong;
  const tls = secure?.tls;
  return {
    secrets: [wrong, password],
    wrongPassword: () => nats(refused.href),
    ...(tls && {
      trusted: () => nats({ url: tls.url, tls: { ca: tls.authority } }),
      unknownAuthority: () => nats(tls.url),
      wrongName: () => nats({ url: tls.mismatchedUrl, tls: { ca: tls.authority } }),
    }),
  };
}
