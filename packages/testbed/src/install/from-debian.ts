import { TestbedError } from '../errors.ts';
import { downloadPackages, type DebianPackage } from './debian.ts';
import { isOfLine, type DebianRecipe, type Site } from './recipe.ts';
import { buildTree } from './tree.ts';

export async function buildFromDebian(recipe: DebianRecipe, site: Site): Promise<string> {
  const { server, line, suite, megabytes } = recipe;
  site.progress(`downloading ${server} ${line} and what it needs (Debian ${suite}, about ${megabytes} MB)`);
  const packages = await downloadPackages(suite, recipe, site.downloads);
  const version = checkedVersion(recipe, packages);
  site.progress(`unpacking ${server} ${version} (${packages.length} packages)`);
  await buildTree(packages, recipe.patch, site.building, site.location);
  return version;
}

function checkedVersion(recipe: DebianRecipe, packages: readonly DebianPackage[]): string {
  const version = packages.find(({ name }) => name === recipe.mainPackage)?.version ?? 'none';
  if (isOfLine(version, recipe.line)) return version;
  throw new TestbedError(
    `Debian ${recipe.suite} offers ${recipe.server} ${version}, but the testbed needs line ${recipe.line}`,
  );
}
