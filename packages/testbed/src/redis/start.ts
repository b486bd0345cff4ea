import { install } from '../install/install.ts';
import { openRun } from '../process/run.ts';
import { givenServer, withoutProcess, type Given } from '../product.ts';
import { redisProduct } from './lines.ts';
import { writeRedisNode } from './node.ts';
import { ownRedis } from './own.ts';
import type { Redis, RedisOptions } from './redis.ts';

/**
 * A Redis of the wanted line, ready to be used: the one at the URL in the environment (`WAYBILL_REDIS_URL`,
 * `WAYBILL_REDIS_7_URL`, `WAYBILL_VALKEY_URL`), else one of our own, installed when needed. Throws when there is none
 * to be had; it never skips.
 */
export async function startRedis(options: RedisOptions): Promise<Redis> {
  const given = await givenServer(redisProduct, options.line);
  return given ? externalRedis(options, given) : startOwn(options);
}

async function startOwn(options: RedisOptions): Promise<Redis> {
  const installation = await install(redisProduct.recipe(options.line), options.onProgress);
  const run = await openRun(options.name ?? `redis-${options.line}`, 2);
  try {
    return await ownRedis(writeRedisNode(installation, run, options, false));
  } catch (error) {
    run.remove();
    throw error;
  }
}

function externalRedis({ line, tls, user, configuration }: RedisOptions, { url, version, refuse }: Given): Redis {
  if (tls || user || configuration) throw refuse('set up TLS, a user or settings');
  return {
    ...{ url, line, version, port: Number(new URL(url).port || 6379) },
    ...{ log: undefined, data: undefined, tls: undefined },
    ...withoutProcess(refuse),
    control: () => Promise.reject(refuse('run redis-cli on it')),
    addUser: () => Promise.reject(refuse('add a user to it')),
  };
}
