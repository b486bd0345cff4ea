import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { driverFor } from '@waybill/core';
import { defineTarget, type Target } from '../target.ts';
import { UsageError } from './arguments.ts';

/** A URL stands for a live broker without controls; anything else is the file of a target. */
export async function findTarget(where: string): Promise<Target> {
  if (/\.[cm]?[jt]s$/.test(where)) return fromFile(resolve(where));
  const { name } = await driverFor(where);
  const isMemory = where.startsWith('memory:');
  return defineTarget({
    name,
    driver: () => driverFor(where),
    ...(!isMemory && { url: where }),
    profile: isMemory
      ? { durable: 'none', reach: 'process', note: 'inside this process' }
      : { durable: 'process', note: 'a live broker, without control over its process' },
  });
}

async function fromFile(path: string): Promise<Target> {
  if (!existsSync(path)) throw new UsageError(`the target file ${path} does not exist`);
  const module = (await import(pathToFileURL(path).href)) as { readonly target?: Target };
  if (!module.target)
    throw new UsageError(`${path} exports no target; write: export const target = defineTarget({ … })`);
  return defineTarget(module.target);
}
