import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pack, tarballs } from '../../../scripts/packaging/pack.ts';
import { allClients, directoryOf } from './packages.ts';
import type { Launch } from './run-arm.ts';

const arms = fileURLToPath(new URL('../arms', import.meta.url));
const quiet = '--disable-warning=ExperimentalWarning';

/** For `--profile` and while writing code: what is in the working tree now, file by file. */
export function fromSources(): Launch {
  return { entry: join(arms, 'main.ts'), nodeArguments: [quiet, '--conditions=waybill-source'], prefix: [] };
}

export interface Stage extends Launch {
  /** What users would have: `node_modules` with the packed packages and the client library. */
  readonly modules: string;
}

/**
 * Packs the public packages as for a release, unpacks them beside a copy of the arms, and links the client libraries that
 * the raw arms use too. Whatever happens to the working tree during the session, all runs have the same code.
 */
export async function fromPackages(): Promise<Stage> {
  await pack();
  const directory = join(tmpdir(), `waybill-benchmarks-${process.pid}`);
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const modules = join(directory, 'node_modules');
  mkdirSync(modules, { recursive: true });
  for (const tarball of tarballs()) unpack(tarball, modules);
  cpSync(arms, join(directory, 'arms'), { recursive: true });
  for (const client of allClients) {
    mkdirSync(dirname(join(modules, client)), { recursive: true });
    symlinkSync(directoryOf(client), join(modules, client));
  }
  return { entry: join(directory, 'arms', 'main.ts'), nodeArguments: [quiet], prefix: [], modules };
}

function unpack(tarball: string, modules: string): void {
  const read = (...options: string[]): string =>
    execFileSync('tar', ['-xzf', tarball, ...options], { encoding: 'utf8' });
  const { name } = JSON.parse(read('--to-stdout', 'package/package.json')) as { readonly name: string };
  const target = join(modules, name);
  mkdirSync(target, { recursive: true });
  read('--directory', target, '--strip-components=1');
}
