import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testbedDirectory } from '../directory.ts';
import { TestbedError } from '../errors.ts';
import { withLock } from '../lock.ts';
import { buildFromDebian } from './from-debian.ts';
import { buildFromMaven } from './from-maven.ts';
import type { Installation, Progress, Recipe, Site } from './recipe.ts';

interface Manifest extends Installation {
  readonly revision: number;
}

/**
 * Installs when needed and returns where the server is. Several processes may ask at once: one installs, the
 * others wait. An interrupted installation leaves nothing that counts as installed.
 */
export async function install(recipe: Recipe, progress: Progress = () => {}): Promise<Installation> {
  const location = locationOf(recipe);
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

export function locationOf({ server, line }: Recipe): string {
  return join(testbedDirectory(), 'installed', `${server}-${line}`);
}

async function installOnce(recipe: Recipe, location: string, progress: Progress): Promise<Installation> {
  const lock = join(testbedDirectory(), 'locks', `install-${recipe.server}-${recipe.line}`);
  return withLock(lock, async () => {
    // Another process may have finished it while we waited.
    return (await installed(recipe, location)) ?? build(recipe, location, progress);
  });
}

async function installed(recipe: Recipe, location: string): Promise<Installation | undefined> {
  const text = await readFile(join(location, 'installed.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const manifest = JSON.parse(text) as Manifest;
  // A tree holds absolute paths: one that was moved must be built again.
  return manifest.revision === recipe.revision && manifest.location === location ? manifest : undefined;
}

async function build(recipe: Recipe, location: string, progress: Progress): Promise<Installation> {
  const { server, line, revision } = recipe;
  const downloads = join(testbedDirectory(), 'downloads', `${server}-${line}`);
  const building = `${location}.building`;
  await rm(building, { recursive: true, force: true });
  await mkdir(building, { recursive: true });
  const site = { building, location, downloads, progress, install: async (tool: Recipe) => install(tool, progress) };
  const version = await carryOut(recipe, site);
  const manifest: Manifest = { server, line, version, location, revision };
  await writeFile(join(building, 'installed.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await rm(location, { recursive: true, force: true });
  await rename(building, location);
  await rm(downloads, { recursive: true, force: true });
  progress(`installed ${server} ${version} in ${location}`);
  return manifest;
}

/** Resolves with the version. */
async function carryOut(recipe: Recipe, site: Site): Promise<string> {
  switch (recipe.from) {
    case 'debian':
      return buildFromDebian(recipe, site);
    case 'maven':
      return buildFromMaven(recipe, site);
    default:
      return recipe satisfies never;
  }
}
