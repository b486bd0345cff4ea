import { WaybillError } from '@waybill/core/driver';

/** What confirmed messages survive: nothing, the death of the server's process, or a power loss. */
export const durabilities = ['none', 'process', 'os'] as const;
export type Durability = (typeof durabilities)[number];

/** What a server says about itself, as far as it matters here. */
export interface Server {
  /** `Redis 8.0.6`, `Valkey 9.1.2`. */
  readonly product: string;
  readonly version: string;
  readonly isCluster: boolean;
  /**
   * With `appendonly yes`: `always` writes and syncs before it answers, so nothing confirmed is lost; `no` writes
   * before it answers, which the death of the process leaves, and a power loss does not. `everysec` puts off writing
   * by up to two seconds while a sync is slow, so it promises neither, and nor does a server that keeps CONFIG secret.
   */
  readonly durability: Durability;
}

/** What a server is asked. */
interface Answers {
  readonly info: string;
  /** Undefined where CONFIG is not allowed. */
  readonly appendfsync: string | undefined;
  /** The default user as ACL GETUSER tells it; empty where that is not allowed. */
  readonly defaultUser: string;
}

/** Throws for a server that cannot keep what it confirms, or is too old. */
export function serverOf({ info, appendfsync, defaultUser }: Answers, wanted: Durability): Server {
  const said = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];
  const valkey = said('valkey_version');
  const version = valkey ?? said('redis_version') ?? '0';
  const product = valkey === undefined ? 'Redis' : 'Valkey';
  if (Number.parseInt(version, 10) < 7)
    throw new WaybillError('unsupported', `This server is ${product} ${version}; Redis or Valkey 7 or newer is needed`);
  if (said('role') === 'slave')
    throw new WaybillError('unavailable', 'This server is a replica, which takes no writes; connect to its primary');
  if (said('maxmemory') !== '0' && said('maxmemory_policy')?.startsWith('allkeys'))
    throw new WaybillError(
      'unsupported',
      `This server evicts any key when its memory is full (maxmemory-policy ${said('maxmemory_policy')}), whole queues with it; set noeviction or a volatile policy`,
    );
  const isForgetful = defaultUser !== '' && !defaultUser.includes('+@all') && product === 'Redis';
  const durability = isForgetful ? 'none' : durabilityOf(said('aof_enabled') === '1', appendfsync);
  if (durabilities.indexOf(durability) < durabilities.indexOf(wanted))
    throw new WaybillError(
      'unsupported',
      `This server's durability is "${durability}" and "${wanted}" is asked for; ${isForgetful ? forgetful : 'set appendonly yes and appendfsync always'}, or ask for less`,
    );
  return { product, version, isCluster: said('redis_mode') === 'cluster', durability };
}

/**
 * When Redis loads its log it checks transactions, and scripts with several writes are such, against the rights of the
 * default user, and drops them where it has too few (redis/redis#14541; seen on 7.0.15 and 8.0.6). The check is about
 * rights, not about `off`.
 */
const forgetful =
  'its default user has not all rights, without which Redis drops scripts from its log when it starts: set "user default off ~* &* +@all", with which nobody can log in either';

function durabilityOf(isLogged: boolean, appendfsync: string | undefined): Durability {
  if (!isLogged) return 'none';
  if (appendfsync === 'always') return 'os';
  return appendfsync === 'no' ? 'process' : 'none';
}
