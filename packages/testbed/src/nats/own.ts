import { urlOf } from '../addresses.ts';
import { ownServer } from '../process/own.ts';
import type { Nats } from './nats.ts';
import type { NatsNode } from './node.ts';
import { probeNats } from './probe.ts';

export async function ownNats(node: NatsNode): Promise<Nats> {
  const { run, line, log, data, port, leafPort, user, certificates } = node;
  const tls = certificates && {
    url: urlOf('nats+tls', `localhost:${port}`, user),
    mismatchedUrl: urlOf('nats+tls', `127.0.0.1:${port}`, user),
    authority: certificates.authority,
  };
  const url = tls?.url ?? urlOf('nats', `127.0.0.1:${port}`, user);
  const monitor = async (path: string) => askMonitor(`http://127.0.0.1:${node.monitoringPort}/${path}`);
  const server = await ownServer({
    product: 'NATS',
    run,
    server: {
      command: node.program,
      arguments: ['--config', node.configurationFile],
      environment: { LANG: 'C.UTF-8' },
      directory: run.directory,
      logFile: `${log}.output`,
    },
    probe: async () => {
      // Only when it has read its streams again.
      await monitor('healthz');
      return probeNats(url, { timeoutMs: 1_000, ...(tls && { authority: tls.authority }) });
    },
    startTimeoutMs: 30_000,
    logs: [log, `${log}.output`],
  });
  const leafUrl = leafPort === undefined ? undefined : urlOf('nats-leaf', `127.0.0.1:${leafPort}`, user);
  return Object.assign(server, { url, line, port, log, data, tls, leafUrl, monitor });
}

async function askMonitor(url: string): Promise<unknown> {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}
