import { type Server, startProxy } from '@waybill/testbed';
import type { FaultyServer, Way } from './faulty-broker.ts';

/** A server of one process, or a cluster of such. */
interface Servers extends AsyncDisposable {
  readonly url: string;
  readonly nodes: readonly Server[];
}

/** What a run kills must be its own. */
export function faultyServer(servers: Servers, description: string): FaultyServer {
  const { url, nodes } = servers;
  if (nodes.some(({ controls }) => controls === 'none'))
    throw new Error(`this run kills its server, and ${url} came from the environment; unset that variable`);
  return {
    description,
    url,
    nodes,
    way: () => wayTo(nodes),
    [Symbol.asyncDispose]: () => servers[Symbol.asyncDispose](),
  };
}

/** Of one server only. */
export const alone = (server: Server): Servers => ({
  url: server.url,
  nodes: [server],
  [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
});

async function wayTo(nodes: readonly Server[]): Promise<Way> {
  const proxies = await Promise.all(nodes.map(({ port }) => startProxy({ host: '127.0.0.1', port })));
  const ports = Object.fromEntries(nodes.map(({ port }, index) => [port, proxies[index]!.port]));
  return { url: proxies[0]!.url(nodes[0]!.url), proxies, ports };
}
