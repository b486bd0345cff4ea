import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestbedError } from '../errors.ts';
import { runCommand } from './command.ts';
import type { DebianRecipe } from './recipe.ts';

/** A package file as downloaded. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly file: string;
}

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const suiteNames = ['stable', 'oldstable', 'testing', 'unstable', 'sid'];

/**
 * Downloads packages of a Debian suite with everything they depend on, without root and without touching
 * the machine's own package database. The archive and its proxy are the machine's own; signatures are checked.
 */
export async function downloadPackages(
  suite: string,
  { packages, without = [] }: Pick<DebianRecipe, 'packages' | 'without'>,
  directory: string,
): Promise<readonly DebianPackage[]> {
  const apt = await privateApt(suite, directory, without);
  await runCommand('apt-get', [...apt, '-qq', 'update']);
  await runCommand('apt-get', [...apt, '-qq', '-y', '--download-only', 'install', ...packages]);
  const archives = join(directory, 'archives');
  const files = (await readdir(archives)).filter((file) => file.endsWith('.deb'));
  return files.map((file) => packageOf(archives, file));
}

function packageOf(archives: string, file: string): DebianPackage {
  const [name = file, version = ''] = file.split('_');
  // An epoch ("1:8.0.2") and the packaging revision ("-2") are Debian's, not the server's.
  const upstream = decodeURIComponent(version)
    .replace(/^\d+:/, '')
    .replace(/-[^-]*$/, '');
  return { name, version: upstream, file: join(archives, file) };
}

/** Options for apt-get: a package database of our own, empty but for `without`, so that the whole rest is downloaded. */
async function privateApt(suite: string, directory: string, without: readonly string[]): Promise<string[]> {
  await mkdir(join(directory, 'state/lists/partial'), { recursive: true });
  await mkdir(join(directory, 'archives/partial'), { recursive: true });
  const installed = without.map(
    (name) => `Package: ${name}\nStatus: install ok installed\nArchitecture: all\nVersion: 99:99\n\n`,
  );
  await writeFile(join(directory, 'status'), installed.join(''));
  const signedBy = existsSync(keyring) ? `[signed-by=${keyring}] ` : '';
  await writeFile(join(directory, 'sources.list'), `deb ${signedBy}${await machineArchive()} ${suite} main\n`);
  const settings = {
    'Dir::State': join(directory, 'state'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': directory,
    'Dir::Cache::archives': join(directory, 'archives'),
    'Dir::Etc::sourcelist': join(directory, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'APT::Keep-Downloaded-Packages': 'true',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'Debug::NoLocking': 'true',
  };
  return Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

/** The archive that this machine installs Debian itself from, in apt's own reading of its sources. */
export async function machineArchive(): Promise<string> {
  const codename = /^VERSION_CODENAME=(\S+)$/m.exec(await readFile('/etc/os-release', 'utf8').catch(() => ''))?.[1];
  const listing = await runCommand('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(RELEASE) $(COMPONENT)',
    'Created-By: Packages',
  ]);
  const sources = listing.split('\n').map((line) => line.split(' '));
  const found = sources.find(
    ([, release = '', component]) => component === 'main' && (release === codename || suiteNames.includes(release)),
  );
  if (found?.[0]) return found[0];
  throw new TestbedError(
    `no Debian archive among this machine's package sources (looked for the suite ${codename ?? 'of a Debian release'}, component main)`,
  );
}
