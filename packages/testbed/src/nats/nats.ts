import type { CommonOptions } from '../product.ts';
import type { Cluster, Credentials, Server, ServerTls } from '../server.ts';
import type { NatsLine } from './lines.ts';

export interface NatsOptions extends CommonOptions<NatsLine> {
  /** The only one who may connect. Default: everybody may. */
  readonly user?: Credentials;
  /** Other servers may join as its leaves, at `leafUrl`. @default false */
  readonly takesLeaves?: boolean;
  /**
   * Further settings, as in the server's configuration file, for example `{ max_payload: 65_536 }`. Those below
   * `jetstream` are added to ours. By default line 2.15 has every message on disk before it is acknowledged
   * (`jetstream: { sync_interval: 'always' }`); 2.9 has no such setting.
   */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** A live NATS server with JetStream. */
export interface Nats extends Server<NatsLine> {
  /**
   * Present when started with `tls: true`. The server has one port for clients, on which it then requires TLS, and
   * `url` is the same as the one in here: start another server for clients without.
   */
  readonly tls: ServerTls | undefined;
  /** Where a leaf joins it, for `{ leafnodes: { remotes: [{ url }] } }` of that server's `configuration`. */
  readonly leafUrl: string | undefined;
  /** An answer of the monitoring interface, for example to `connz` or `jsz?streams=true`. */
  monitor(path: string): Promise<unknown>;
}

/** Three servers that agree on every message of a stream with three replicas. */
export type NatsCluster = Cluster<Nats>;
