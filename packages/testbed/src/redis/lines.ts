import { withoutServices, type DebianRecipe } from '../install/recipe.ts';
import type { Product } from '../product.ts';
import { probeRedis } from './probe.ts';

/** The newest Redis that can be had as a package, an old one, and the newest Valkey. */
export const redisLines = ['8', '7', 'valkey-9'] as const;
export type RedisLine = (typeof redisLines)[number];

export const redisProduct: Product<RedisLine> = {
  name: 'Redis',
  lines: redisLines,
  urlVariables: { '8': 'WAYBILL_REDIS_URL', '7': 'WAYBILL_REDIS_7_URL', 'valkey-9': 'WAYBILL_VALKEY_URL' },
  schemes: ['redis:', 'rediss:'],
  exampleUrl: 'redis://user:password@host:port',
  recipe: redisRecipe,
  probe: (url) => probeRedis(url),
};

interface Source {
  readonly server: 'redis' | 'valkey';
  readonly line: string;
  readonly suite: string;
}

const sources: Readonly<Record<RedisLine, Source>> = {
  '8': { server: 'redis', line: '8', suite: 'forky' },
  '7': { server: 'redis', line: '7', suite: 'bookworm' },
  'valkey-9': { server: 'valkey', line: '9', suite: 'forky' },
};

function redisRecipe(line: RedisLine): DebianRecipe {
  const source = sources[line];
  const programs = redisPrograms(line);
  return {
    from: 'debian',
    ...source,
    mainPackage: `${source.server}-server`,
    packages: [`${source.server}-server`],
    without: withoutServices,
    patch: { programs: [programs.server, programs.client], scripts: [] },
    megabytes: 20,
    revision: 1,
  };
}

/** Paths in the tree. */
export function redisPrograms(line: RedisLine): { readonly server: string; readonly client: string } {
  const { server } = sources[line];
  return { server: `usr/bin/${server}-server`, client: `usr/bin/${server}-cli` };
}
