import { globSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { javaProgram } from '../java.ts';
import { runCommand } from './command.ts';
import type { DebianRecipe, MavenRecipe, Site } from './recipe.ts';

const copyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/** Maven with the settings of this machine (mirrors and proxies among them), and a repository of our own. */
export async function buildFromMaven(recipe: MavenRecipe, site: Site): Promise<string> {
  const { server, version, megabytes, artifacts } = recipe;
  site.progress(`downloading ${server} ${version} and what it needs (Maven, about ${megabytes} MB)`);
  await mkdir(site.downloads, { recursive: true });
  const project = join(site.downloads, 'pom.xml');
  await writeFile(project, projectOf(artifacts));
  const maven = await mavenCommand(site);
  await runCommand(maven.program, [
    ...maven.arguments,
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

interface Maven {
  readonly program: string;
  readonly arguments: readonly string[];
}

/** The one of this machine, else Debian's, unpacked and run with the Java of this machine. */
async function mavenCommand(site: Site): Promise<Maven> {
  const isPresent = await runCommand('mvn', ['--version']).then(
    () => true,
    () => false,
  );
  if (isPresent) return { program: 'mvn', arguments: [] };
  const { location } = await site.install(mavenRecipe);
  const home = join(location, 'usr/share/maven');
  const [launcher = 'none'] = globSync('boot/plexus-classworlds*.jar', { cwd: home });
  return {
    program: javaProgram(),
    arguments: [
      ...['-cp', join(home, launcher)],
      `-Dclassworlds.conf=${join(location, 'etc/maven/m2.conf')}`,
      `-Dmaven.conf=${join(location, 'etc/maven')}`,
      `-Dmaven.home=${home}`,
      `-Dmaven.multiModuleProjectDirectory=${site.downloads}`,
      'org.codehaus.plexus.classworlds.launcher.Launcher',
    ],
  };
}

const mavenRecipe: DebianRecipe = {
  from: 'debian',
  server: 'maven',
  line: '3',
  suite: 'bookworm',
  mainPackage: 'maven',
  packages: ['maven'],
  // It runs with the Java of this machine.
  without: ['default-jre-headless'],
  patch: { programs: [], scripts: [] },
  megabytes: 10,
  revision: 1,
};

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
