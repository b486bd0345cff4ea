import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { clientsOf, versionOf } from './packages.ts';
import type { BrokerName } from './size.ts';

/** What figures depend on and nobody can see from the figures. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
  /** Client libraries of the broker, with their versions. */
  readonly clients: string;
  /** The commit that was measured; `+` when the working tree had changes. */
  readonly commit: string;
  /** Of one, five and fifteen minutes, when the session began. */
  readonly load: readonly number[];
}

export function describeMachine(broker: BrokerName): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.versions.node,
    v8: process.versions.v8,
    clients: clientsOf[broker].map((name) => `${name} ${versionOf(name)}`).join(', '),
    commit: commitOf(fileURLToPath(new URL('../../..', import.meta.url))),
    load: loadNow(),
  };
}

/** Of one, five and fifteen minutes. */
export const loadNow = (): readonly number[] => loadavg().map((one) => Math.round(one * 100) / 100);

/** A copy without its history has none. */
function commitOf(directory: string): string {
  const git = (...args: string[]): string | undefined => {
    const { status, stdout } = spawnSync('git', args, { cwd: directory, encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  };
  const head = git('rev-parse', '--short', 'HEAD');
  return head === undefined ? 'unknown' : head + (git('status', '--porcelain', '--', 'packages') === '' ? '' : '+');
}
