import type { Adapter } from '@waybill/core/driver';
import { redisStreams } from './driver.ts';

export { redisStreams } from './driver.ts';
export type { RedisDriver } from './driver.ts';
export type { RedisNative } from './nodes.ts';
export type { RedisCredentials, RedisOptions, RedisTls } from './options.ts';
export type { RedisPlaceOptions } from './native.ts';
export type { Durability } from './server.ts';

/** What `connect` of `@waybill/core` looks for behind `redis:` and `rediss:`. */
export const adapter: Adapter = { schemes: ['redis', 'rediss'], fromUrl: (url) => redisStreams(url) };
