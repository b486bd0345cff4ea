import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run, runOrFail, tool } from '../lib/command.ts';
import { listFiles } from '../lib/repository.ts';
import { findPublicPackages, type Package, readManifest, root } from '../lib/workspace.ts';
import { places } from './places.ts';

/** The pnpm of the workspace, whatever is on the path. */
export function pnpm(...args: readonly string[]): [string, ...string[]] {
  const { packageManager = 'pnpm' } = readManifest(root);
  return ['npx', '--yes', packageManager, ...args];
}

const folders = ['.', ...readdirSync(join(root, 'packages')).map((folder) => join('packages', folder))];

/** What the workspace would be after a fresh clone. */
async function copyWorkspace(): Promise<void> {
  for (const path of await listFiles()) {
    mkdirSync(dirname(join(places.staging, path)), { recursive: true });
    cpSync(join(root, path), join(places.staging, path), { verbatimSymlinks: true });
  }
}

/** The links between packages, for the compiler only: a package manager that saw them would write through them. */
async function withLinks(build: () => Promise<unknown>): Promise<void> {
  const links = folders.map((folder) => join(folder, 'node_modules')).filter((path) => existsSync(join(root, path)));
  symlinkSync(join(root, 'node_modules'), join(places.staging, 'node_modules'));
  for (const path of links.filter((one) => one !== 'node_modules')) {
    cpSync(join(root, path), join(places.staging, path), { recursive: true, verbatimSymlinks: true });
  }
  await build();
  for (const path of links) rmSync(join(places.staging, path), { recursive: true });
}

export function stagedPackages(): readonly Package[] {
  return findPublicPackages(places.staging);
}

export function tarballs(): readonly string[] {
  return readdirSync(places.tarballs).map((name) => join(places.tarballs, name));
}

/** Builds the public packages from nothing and packs each into a tarball. */
export async function pack(): Promise<string> {
  await copyWorkspace();
  const packages = stagedPackages();
  await withLinks(() => runOrFail([process.execPath, 'scripts/build.ts'], { cwd: places.staging }));
  mkdirSync(places.tarballs, { recursive: true });
  for (const { directory } of packages) {
    await runOrFail(pnpm('pack', '--pack-destination', places.tarballs), { cwd: directory });
  }
  return `${packages.length} packages`;
}

async function checkEach(checker: readonly [string, string], ...args: readonly string[]): Promise<void> {
  const results = await Promise.all(tarballs().map((tarball) => run([...checker, ...args, tarball])));
  const failed = results.filter(({ exitCode }) => exitCode !== 0);
  if (failed.length > 0) throw new Error(failed.map(({ output }) => output.trim()).join('\n'));
}

export function publint(): Promise<void> {
  return checkEach(tool('publint'), '--strict');
}

export function areTheTypesWrong(): Promise<void> {
  return checkEach(tool('@arethetypeswrong/cli', 'attw'), '--profile', 'esm-only', '--no-emoji', '--no-color');
}
