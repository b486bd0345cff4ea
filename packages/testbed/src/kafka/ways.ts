import { urlOf } from '../addresses.ts';
import { TestbedError } from '../errors.ts';
import { startProxy, type Proxy } from '../proxy/proxy.ts';
import type { KafkaWay } from './kafka.ts';
import type { KafkaNode } from './node.ts';

/** The ways to a broker, or to all of a cluster. */
export class Ways {
  readonly #nodes: readonly KafkaNode[];
  readonly #free: number[];
  readonly #open = new Set<KafkaWay>();

  constructor(nodes: readonly KafkaNode[]) {
    this.#nodes = nodes;
    this.#free = [...(nodes[0]?.listeners.ways.keys() ?? [])];
  }

  async open(): Promise<KafkaWay> {
    const index = this.#free.shift();
    if (index === undefined)
      throw new TestbedError(`${this.#open.size} ways are open; start Kafka with a larger number of \`ways\``);
    const proxies: Proxy[] = [];
    const free = async () => {
      for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
      this.#free.push(index);
    };
    try {
      for (const node of this.#nodes) proxies.push(await proxyBefore(node, index));
    } catch (error) {
      await free();
      throw error;
    }
    return this.#remember(proxies, free);
  }

  async closeAll(): Promise<void> {
    for (const way of this.#open) await way[Symbol.asyncDispose]();
  }

  #remember(proxies: readonly Proxy[], free: () => Promise<void>): KafkaWay {
    const hosts = proxies.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const way: KafkaWay = {
      url: urlOf('kafka', hosts, this.#nodes[0]?.user),
      proxies,
      [Symbol.asyncDispose]: async () => {
        if (this.#open.delete(way)) await free();
      },
    };
    this.#open.add(way);
    return way;
  }
}

async function proxyBefore({ listeners }: KafkaNode, index: number): Promise<Proxy> {
  const listener = listeners.ways[index];
  if (listener === undefined) throw new TestbedError(`the broker has no way ${index}`);
  return startProxy({ host: '127.0.0.1', port: listener.port }, { listenPort: listener.advertisedPort });
}
