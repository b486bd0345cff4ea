import type { KafkaOptions } from './kafka.ts';

/** A port of a broker, what is spoken there, and the address under which clients are told of it. */
export interface Listener {
  readonly name: string;
  readonly protocol: 'PLAINTEXT' | 'SASL_PLAINTEXT' | 'SSL' | 'SASL_SSL';
  readonly port: number;
  readonly advertisedHost: string;
  readonly advertisedPort: number;
}

export interface Listeners {
  /** For brokers and tools, without login. */
  readonly internal: Listener;
  readonly clients: Listener;
  readonly tls: Listener | undefined;
  /** Each is advertised at the port of a proxy. */
  readonly ways: readonly Listener[];
  readonly controllerPort: number;
}

/** As many ports as `listenersOn` takes. */
export function portCount({ ways = 0 }: Pick<KafkaOptions, 'ways'>): number {
  return 4 + 2 * ways;
}

export function listenersOn(ports: readonly number[], options: KafkaOptions): Listeners {
  const [internalPort, controllerPort, loginPort, tlsPort, ...wayPorts] = ports as [number, number, number, number];
  const open = options.user ? 'SASL_PLAINTEXT' : 'PLAINTEXT';
  const internal = listener('INTERNAL', 'PLAINTEXT', internalPort);
  const ways = wayPorts.slice(0, wayPorts.length / 2).map((port: number, index) => ({
    ...listener(`WAY${index + 1}`, open, port),
    advertisedPort: wayPorts[wayPorts.length / 2 + index] ?? port,
  }));
  const tls = listener('TLS', options.user ? 'SASL_SSL' : 'SSL', tlsPort);
  return {
    internal,
    clients: options.user ? listener('LOGIN', open, loginPort) : internal,
    tls: options.tls ? { ...tls, advertisedHost: 'localhost' } : undefined,
    ways,
    controllerPort,
  };
}

function listener(name: string, protocol: Listener['protocol'], port: number): Listener {
  return { name, protocol, port, advertisedHost: '127.0.0.1', advertisedPort: port };
}

/** Every listener of clients and brokers once. */
export function distinct({ internal, clients, tls, ways }: Listeners): readonly Listener[] {
  return [...new Set([internal, clients, ...(tls ? [tls] : []), ...ways])];
}
