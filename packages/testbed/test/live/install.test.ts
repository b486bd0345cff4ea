import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { install } from '../../src/install/install.ts';
import type { DebianRecipe } from '../../src/install/recipe.ts';

// A small real program stands for a server: what is tested is the way onto the disk.
const recipe: DebianRecipe = {
  from: 'debian',
  server: 'hello',
  line: '2.10',
  suite: 'bookworm',
  mainPackage: 'hello',
  packages: ['hello'],
  megabytes: 3,
  patch: { programs: ['usr/bin/hello'], scripts: [] },
  revision: 1,
};

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'waybill-install-'));
  vi.stubEnv('WAYBILL_TESTBED_DIR', directory);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true, force: true });
});

async function greeting(location: string): Promise<string> {
  return (await promisify(execFile)(join(location, 'usr/bin/hello'))).stdout;
}

test('an interrupted installation counts as none, and of two at once only one works', async () => {
  const left = join(directory, 'installed/hello-2.10.building');
  await mkdir(left, { recursive: true });
  await writeFile(join(left, 'half'), '');

  const said: string[] = [];
  const [one, other] = await Promise.all([
    install(recipe, (message) => said.push(message)),
    install(recipe, (message) => said.push(message)),
  ]);
  expect(one).toEqual(other);
  expect(one.version).toBe('2.10');
  expect(said.filter((message) => message.startsWith('downloading'))).toHaveLength(1);
  expect(await greeting(one.location)).toBe('Hello, world!\n');
  expect(await readdir(join(directory, 'installed'))).toEqual(['hello-2.10']);
});

test('a tree of another revision, or one that was moved, is built again', async () => {
  const said: string[] = [];
  const { location } = await install({ ...recipe, revision: 2 }, (message) => said.push(message));
  expect(said).not.toEqual([]);
  expect(await greeting(location)).toBe('Hello, world!\n');

  const moved = `${directory}-moved`;
  await rename(directory, moved);
  directory = moved;
  vi.stubEnv('WAYBILL_TESTBED_DIR', moved);
  const again = await install({ ...recipe, revision: 2 });
  expect(again.location.startsWith(moved)).toBe(true);
  expect(await greeting(again.location)).toBe('Hello, world!\n');
});

test('a suite that offers another line is one clear error, and nothing counts as installed', async () => {
  const wrong = { ...recipe, line: '3.0' };
  await expect(install(wrong)).rejects.toThrow('Debian bookworm offers hello 2.10, but the testbed needs line 3.0');
  expect(await readdir(join(directory, 'installed'))).not.toContain('hello-3.0');
});

test('a package that does not exist says which, and a recipe that does not fit says where', async () => {
  await expect(install({ ...recipe, line: 'a', packages: ['no-such-server'] })).rejects.toThrow(/no-such-server/);
  const misfit = { ...recipe, server: 'misfit', patch: { programs: ['usr/bin/goodbye'], scripts: [] } };
  await expect(install(misfit)).rejects.toThrow('hold no usr/bin/goodbye');
});
