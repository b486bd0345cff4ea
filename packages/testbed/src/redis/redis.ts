import type { CommonOptions } from '../product.ts';
import type { Cluster, Credentials, Server, ServerTls } from '../server.ts';
import type { RedisLine } from './lines.ts';

export interface RedisOptions extends CommonOptions<RedisLine> {
  /** The only one who may connect. Default: everybody may. */
  readonly user?: Credentials;
  /**
   * Further settings, as in `redis.conf`, for example `{ maxmemory: '100mb' }`. By default every write is on disk
   * before it is answered (`appendonly yes`, `appendfsync always`): `everysec` may lose confirmed writes.
   */
  readonly configuration?: Readonly<Record<string, string>>;
}

export interface RedisUser extends Credentials {
  /** What it may do, as for `ACL SETUSER`; default: everything (`~* &* +@all`). */
  readonly rules?: readonly string[];
}

/** A live Redis or Valkey. */
export interface Redis extends Server<RedisLine> {
  /** Present when started with `tls: true`. */
  readonly tls: ServerTls | undefined;
  /** Runs `redis-cli` with these arguments and returns what it prints; rejects with the server's error. */
  control(...commandArguments: readonly string[]): Promise<string>;
  /** Creates a user, or changes it, and returns the URL to connect as it. It outlives restarts. */
  addUser(user: RedisUser): Promise<string>;
}

/** Three masters without replicas. */
export type RedisCluster = Cluster<Redis>;
