import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import type { MavenRecipe, Site } from './recipe.ts';

const copyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/** Maven as this machine has it set up (its settings, mirrors and proxies), with a repository of our own. */
export async function buildFromMaven(recipe: MavenRecipe, site: Site): Promise<string> {
  const { server, version, megabytes, artifacts } = recipe;
  site.progress(`downloading ${server} ${version} and what it needs (Maven, about ${megabytes} MB)`);
  await mkdir(site.downloads, { recursive: true });
  const project = join(site.downloads, 'pom.xml');
  await writeFile(project, projectOf(artifacts));
  await runCommand('mvn', [
    '--batch-mode',
    '--quiet',
    '--strict-checksums',
    `--file=${project}`,
    `-Dmaven.repo.local=${join(site.downloads, 'repository')}`,
    `-DoutputDirectory=${join(site.building, 'lib')}`,
    copyPlugin,
  ]);
  return version;
}

function projectOf(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>waybill</groupId><artifactId>testbed</artifactId><version>0</version><packaging>pom</packaging>
<dependencies>
${dependencies.join('\n')}
</dependencies>
</project>
`;
}
