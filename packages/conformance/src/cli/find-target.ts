import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { driverFor } from '@waybill/core';
import { type BrokerControl, defineTarget, type Target } from '../target.ts';
import { UsageError } from './arguments.ts';

/** A URL stands for a live broker without controls; anything else is the file of a target. */
export async function findTarget(where: string): Promise<Target> {
  if (/\.[cm]?[jt]s$/.test(where)) return fromFile(resolve(where));
  if (where.startsWith('memory:')) return inMemory(where);
  const { name } = await driverFor(where);
  return defineTarget({
    name,
    driver: () => driverFor(where),
    url: where,
    profile: { durable: 'process', note: 'a live broker, without control over its process' },
  });
}

async function inMemory(url: string): Promise<Target> {
  const driver = await driverFor(url);
  const link = await driver.connect({ signal: new AbortController().signal, onBlocked: () => undefined });
  await link.close();
  return defineTarget({
    name: driver.name,
    driver: () => driverFor(url),
    profile: { durable: 'none', reach: 'process', note: 'inside this process' },
    ...(canFail(link.native) && { control: controlOf(link.native) }),
  });
}

/** What a link to the in-memory broker calls its native connection is the broker, and that takes faults. */
interface Failing {
  readonly faults: { disconnect(): void; pause(): void; resume(): void };
}

const canFail = (native: unknown): native is Failing =>
  typeof native === 'object' && native !== null && 'faults' in native;

function controlOf({ faults }: Failing): BrokerControl {
  return {
    async disconnect() {
      faults.disconnect();
      return 'every link was lost';
    },
    async pause() {
      faults.pause();
      return 'the broker answers nothing';
    },
    async resume() {
      faults.resume();
      return 'the broker answers again';
    },
  };
}

async function fromFile(path: string): Promise<Target> {
  if (!existsSync(path)) throw new UsageError(`the target file ${path} does not exist`);
  const module = (await import(pathToFileURL(path).href)) as { readonly target?: Target };
  if (!module.target)
    throw new UsageError(`${path} exports no target; write: export const target = defineTarget({ … })`);
  return defineTarget(module.target);
}
