import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { testbedDirectory } from './directory.ts';
import { javaVersion } from './java.ts';
import { runCommand } from './install/command.ts';
import { locationOf } from './install/install.ts';
import { machineArchive } from './install/debian.ts';
import { servers } from './servers.ts';

export interface Finding {
  readonly state: 'ok' | 'missing' | 'note';
  readonly text: string;
}

/** What this machine has and lacks for running servers as processes. */
export async function examine(): Promise<readonly Finding[]> {
  return [
    await check('apt-get, to download servers', 'install a Debian, or use the containers', async () =>
      runCommand('apt-get', ['--version']),
    ),
    await check('dpkg-deb, to unpack them', 'install the package dpkg', async () =>
      runCommand('dpkg-deb', ['--version']),
    ),
    await check('flock, to install once', 'install the package util-linux', async () =>
      runCommand('flock', ['--version']),
    ),
    await check('a Debian archive in the package sources', 'add one to the sources of apt', machineArchive),
    await check('Java 17 or newer, to run Kafka', 'install a Java, or name one in JAVA_HOME', javaVersion),
    await check(
      `a directory of our own (${testbedDirectory()})`,
      'name a writable one in WAYBILL_TESTBED_DIR',
      async () => mkdir(testbedDirectory(), { recursive: true }),
    ),
    ...serverFindings(),
  ];
}

async function check(what: string, remedy: string, ask: () => Promise<unknown>): Promise<Finding> {
  return ask().then(
    () => ({ state: 'ok', text: what }),
    (error: Error) => ({ state: 'missing', text: `${what}: ${error.message.split('\n')[0]}; ${remedy}` }),
  );
}

function serverFindings(): Finding[] {
  return Object.entries(servers).flatMap(([name, { lines, urlVariable, recipe }]) =>
    lines.map((line) => {
      if (process.env[urlVariable(line)])
        return { state: 'note', text: `${name} ${line}: the one that ${urlVariable(line)} names` };
      const isInstalled = existsSync(join(locationOf(recipe(line)), 'installed.json'));
      return {
        state: 'note',
        text: `${name} ${line}: ${isInstalled ? 'installed' : 'will be installed when first needed'}`,
      };
    }),
  );
}
