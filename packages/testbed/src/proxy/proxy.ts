import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { TestbedError } from '../errors.ts';
import { proxyPorts } from '../ports.ts';
import { Connection, type Faults, type ProxiedConnection, type WayBytes } from './connection.ts';
import type { Direction, Fault, LastingFault, Way } from './fault.ts';

export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** The same URL, but through the proxy. */
  url(url: string): string;
  /** All that ever came, living or not, in the order of their coming. */
  readonly connections: readonly ProxiedConnection[];
  readonly liveConnections: number;
  /** Sums over all connections: 0 bytes mean that the client went past the proxy. */
  readonly bytes: Readonly<Record<Way, WayBytes>>;
  /** Begins a fault (or does it, where it is momentary) in this direction; default both. */
  inject(fault: Fault, direction?: Direction): Promise<void>;
  /** Ends every lasting fault: kept bytes go on their way, new connections are accepted again. */
  heal(): Promise<void>;
  /** Resets what is still open and stops listening. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/**
 * A TCP proxy in front of a server, which does to the traffic what it is told. It listens on 127.0.0.1, on the port
 * that is asked for, else on a free one.
 */
export async function startProxy(target: ProxyTarget, options: { readonly listenPort?: number } = {}): Promise<Proxy> {
  const state = new ProxyState(target);
  await (options.listenPort === undefined ? state.listenAnywhere() : state.listenAt(options.listenPort));
  return {
    port: state.port,
    url: (url) => through(url, state.port),
    get connections() {
      return [...state.connections];
    },
    get liveConnections() {
      return state.connections.filter(({ isOpen }) => isOpen).length;
    },
    get bytes() {
      return { toServer: sum(state.connections, 'toServer'), toClient: sum(state.connections, 'toClient') };
    },
    inject: async (fault, direction = 'both') => state.inject(fault, direction),
    heal: async () => state.heal(),
    [Symbol.asyncDispose]: async () => state.close(),
  };
}

class ProxyState {
  readonly connections: Connection[] = [];
  readonly #target: ProxyTarget;
  #faults: Faults = { toServer: undefined, toClient: undefined };
  #listener: Server | undefined;
  #port = 0;

  constructor(target: ProxyTarget) {
    this.#target = target;
  }

  get port(): number {
    return this.#port;
  }

  async listenAnywhere(): Promise<void> {
    const { first, last } = proxyPorts;
    for (let attempt = 0; attempt < 200; attempt++) {
      this.#port = first + Math.floor(Math.random() * (last - first + 1));
      if (await this.#listen()) return;
    }
    throw new TestbedError(`no free port between ${first} and ${last} for a proxy`);
  }

  async listenAt(port: number): Promise<void> {
    this.#port = port;
    if (!(await this.#listen())) throw new TestbedError(`port ${port} is taken: no proxy can listen there`);
  }

  inject(fault: Fault, direction: Direction): void {
    switch (fault.kind) {
      case 'refuse':
        this.#stopListening();
        return;
      case 'reset':
      case 'end':
        for (const connection of this.connections) connection.inflict(fault, direction);
        return;
      default:
        if (direction !== 'toClient') this.#setFault('toServer', fault);
        if (direction !== 'toServer') this.#setFault('toClient', fault);
    }
  }

  async heal(): Promise<void> {
    this.#setFault('toServer', undefined);
    this.#setFault('toClient', undefined);
    for (const connection of this.connections) connection.resetIfIncomplete();
    if (this.#listener === undefined && !(await this.#listen())) {
      throw new TestbedError(
        `the proxy cannot listen again: somebody else took port ${this.#port} while it refused connections`,
      );
    }
  }

  close(): void {
    this.#stopListening();
    for (const connection of this.connections) connection.close();
  }

  #setFault(way: Way, fault: LastingFault | undefined): void {
    this.#faults = { ...this.#faults, [way]: fault };
    for (const connection of this.connections) connection.setFault(way, fault);
  }

  #stopListening(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  async #listen(): Promise<boolean> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
    listener.listen({ port: this.#port, host: '127.0.0.1', exclusive: true });
    const isListening = await once(listener, 'listening').then(
      () => true,
      () => false,
    );
    if (isListening) this.#listener = listener;
    return isListening;
  }

  #accept(client: Socket): void {
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    this.connections.push(new Connection(this.connections.length + 1, client, server, this.#faults));
  }
}

function sum(connections: readonly Connection[], way: Way): WayBytes {
  return connections.reduce(
    (total, connection) => ({
      received: total.received + connection[way].received,
      forwarded: total.forwarded + connection[way].forwarded,
    }),
    { received: 0, forwarded: 0 },
  );
}

function through(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = `${port}`;
  if (changed.hostname !== 'localhost') changed.hostname = '127.0.0.1';
  return changed.href;
}
