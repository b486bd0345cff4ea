import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testbedDirectory } from '../directory.ts';
import { TestbedError } from '../errors.ts';
import { withLock } from '../lock.ts';
import { downloadPackages, type DebianPackage } from './debian.ts';
import { buildTree, type TreePatch } from './tree.ts';

/** How a line of a server is put on disk. A further server is one more value of this type. */
export interface DebianRecipe {
  readonly server: string;
  readonly line: string;
  readonly suite: string;
  /** The package whose version tells the line. */
  readonly mainPackage: string;
  readonly packages: readonly string[];
  readonly patch: TreePatch;
  /** Raise it when the recipe changes: trees of an older revision are built again. */
  readonly revision: number;
}

export interface Installation {
  readonly server: string;
  readonly line: string;
  /** Version of the package; the running server is asked for its own. */
  readonly version: string;
  readonly location: string;
}

export type Progress = (message: string) => void;

interface Manifest extends Installation {
  readonly revision: number;
}

/**
 * Installs when needed and returns where the server is. Several processes may ask at once: one installs, the
 * others wait. An interrupted installation leaves nothing that counts as installed.
 */
export async function installFromDebian(recipe: DebianRecipe, progress: Progress = () => {}): Promise<Installation> {
  const location = join(testbedDirectory(), 'installed', `${recipe.server}-${recipe.line}`);
  const present = await installed(recipe, location);
  if (present) return present;
  return installOnce(recipe, location, progress).catch((error: Error) => {
    throw new TestbedError(
      `cannot install ${recipe.server} ${recipe.line}: ${error.message}\n` +
        'The README of packages/testbed tells how to use a server of your own instead.',
      { cause: error },
    );
  });
}

async function installOnce(recipe: DebianRecipe, location: string, progress: Progress): Promise<Installation> {
  const lock = join(testbedDirectory(), 'locks', `install-${recipe.server}-${recipe.line}`);
  return withLock(lock, async () => {
    // Another process may have finished it while we waited.
    return (await installed(recipe, location)) ?? install(recipe, location, progress);
  });
}

async function installed(recipe: DebianRecipe, location: string): Promise<Installation | undefined> {
  const text = await readFile(join(location, 'installed.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const manifest = JSON.parse(text) as Manifest;
  // A tree holds absolute paths: one that was moved must be built again.
  return manifest.revision === recipe.revision && manifest.location === location ? manifest : undefined;
}

async function install(recipe: DebianRecipe, location: string, progress: Progress): Promise<Installation> {
  const { server, line, suite, revision } = recipe;
  const downloads = join(testbedDirectory(), 'downloads', `${server}-${line}`);
  const building = `${location}.building`;
  await rm(building, { recursive: true, force: true });
  await mkdir(building, { recursive: true });
  progress(`downloading ${server} ${line} and what it needs (Debian ${suite}, about 100 MB)`);
  const packages = await downloadPackages(suite, recipe.packages, downloads);
  const version = checkedVersion(recipe, packages);
  progress(`unpacking ${server} ${version} (${packages.length} packages)`);
  await buildTree(packages, recipe.patch, building, location);
  const manifest: Manifest = { server, line, version, location, revision };
  await writeFile(join(building, 'installed.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await rm(location, { recursive: true, force: true });
  await rename(building, location);
  await rm(downloads, { recursive: true, force: true });
  progress(`installed ${server} ${version} in ${location}`);
  return manifest;
}

function checkedVersion(recipe: DebianRecipe, packages: readonly DebianPackage[]): string {
  const version = packages.find(({ name }) => name === recipe.mainPackage)?.version ?? 'none';
  if (isOfLine(version, recipe.line)) return version;
  throw new TestbedError(
    `Debian ${recipe.suite} offers ${recipe.server} ${version}, but the testbed needs line ${recipe.line}`,
  );
}

export function isOfLine(version: string, line: string): boolean {
  return version === line || version.startsWith(`${line}.`);
}
