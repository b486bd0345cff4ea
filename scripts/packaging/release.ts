import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandOptions, runOrFail, tool } from '../lib/command.ts';
import { pnpm, stagedPackages } from './pack.ts';
import { places } from './places.ts';

const author = { name: 'Waybill', email: 'waybill@example.org' } as const;
const inStaging: CommandOptions = {
  cwd: places.staging,
  environment: {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
  },
};

async function commitStaging(): Promise<void> {
  await runOrFail(['git', 'init', '--quiet', '--initial-branch=main'], inStaging);
  await runOrFail(['git', 'add', '--all'], inStaging);
  await runOrFail(['git', 'commit', '--quiet', '--message=Before the release'], inStaging);
}

/** A change of one package, so that there is something to release whenever this runs. */
const change = "---\n'@waybill/core': minor\n---\n\nA change that only this check knows.\n";

function versions(): readonly string[] {
  return stagedPackages().map(({ manifest }) => manifest.version);
}

export function checkVersions(before: readonly string[], after: readonly string[]): string {
  const [version = ''] = after;
  if (new Set(after).size !== 1) throw new Error(`the packages are one group, but got versions ${after.join(', ')}`);
  if (before.includes(version)) throw new Error(`changeset version left the packages at ${version}`);
  return `${before.join(', ')} → ${version}`;
}

function checkChangelogs(): void {
  const silent = stagedPackages().filter(({ directory }) => !existsSync(join(directory, 'CHANGELOG.md')));
  if (silent.length > 0) throw new Error(`no CHANGELOG.md for ${silent.map(({ folder }) => folder).join(', ')}`);
}

/** A release in the copy: one new version for all packages, with a changelog each. */
export async function versionPackages(): Promise<string> {
  writeFileSync(join(places.staging, '.changeset/only-for-this-check.md'), change);
  await commitStaging();
  const before = versions();
  await runOrFail([...tool('@changesets/cli', 'changeset'), 'version'], inStaging);
  checkChangelogs();
  return checkVersions(before, versions());
}

/** Everything that publishing does, short of the upload. */
export async function publishDryRun(): Promise<string> {
  const packages = stagedPackages();
  for (const { directory, manifest } of packages) {
    const { output } = await runOrFail(pnpm('publish', '--dry-run', '--no-git-checks'), { cwd: directory });
    if (!output.includes(`${manifest.name}@${manifest.version}`)) throw new Error(`${manifest.name}: ${output}`);
  }
  return packages.map(({ manifest }) => `${manifest.name}@${manifest.version}`).join(', ');
}
