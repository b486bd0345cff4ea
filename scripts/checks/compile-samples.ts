import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run, tool } from '../lib/command.ts';
import { findPackages, localCache, root } from '../lib/workspace.ts';
import type { Sample } from './samples.ts';

const configuration = {
  extends: '../../tsconfig.base.json',
  compilerOptions: {
    composite: false,
    incremental: false,
    noEmit: true,
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
  },
  include: ['*.ts'],
};

function link(directory: string, name: string, target: string): void {
  const path = join(directory, 'node_modules', name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

/** A sample may import our packages and whatever these depend on, as in a user's project. */
function linkPackages(directory: string): void {
  const packages = findPackages();
  const own = packages.map(({ manifest, directory: target }): [string, string] => [manifest.name, target]);
  const foreign = packages.flatMap(({ manifest, directory: from }) =>
    Object.keys(manifest.dependencies ?? {})
      .filter((name) => !name.startsWith('@waybill/'))
      .map((name): [string, string] => [name, join(from, 'node_modules', name)]),
  );
  for (const [name, target] of new Map([...own, ...foreign])) link(directory, name, target);
}

/** Compiles every sample as a module of its own, and gives back what the compiler says. */
export async function compileSamples(samples: readonly Sample[], folder = 'samples'): Promise<readonly string[]> {
  const directory = join(localCache, folder);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  linkPackages(directory);
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(configuration));
  for (const { name, code } of samples) writeFileSync(join(directory, name), code);
  const [node, compiler] = tool('typescript', 'tsc');
  const { exitCode, output } = await run([node, compiler, '-p', directory, '--pretty', 'false'], { cwd: root });
  return exitCode === 0 ? [] : [output.trim().replaceAll(`.cache/${folder}/`, '')];
}
