import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { runOrFail, tool } from '../lib/command.ts';
import { root } from '../lib/workspace.ts';
import { findNode } from './node-versions.ts';
import { stagedPackages, tarballs } from './pack.ts';
import { places } from './places.ts';

const quickstart = join(root, 'examples/quickstart');

/** A user's project sees neither the settings of this workspace nor the npm that runs it. */
const cleanEnvironment = { NODE_OPTIONS: undefined, npm_config_local_prefix: undefined } as const;

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(value, null, 2));
}

/** What the quickstart uses besides Waybill. */
function quickstartDependencies(): readonly string[] {
  const text = readFileSync(join(quickstart, 'package.json'), 'utf8');
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
  const foreign = Object.entries(dependencies).filter(([name]) => !name.startsWith('@waybill/'));
  return foreign.map(([name, range]) => `${name}@${range}`);
}

/** Installs the tarballs into an empty project, as a user would. */
export async function installTarballs(): Promise<void> {
  writeJson(join(places.consumer, 'package.json'), { name: 'consumer', private: true, type: 'module' });
  const wanted = [...tarballs(), ...quickstartDependencies()];
  await runOrFail(['npm', 'install', '--no-audit', '--no-fund', ...wanted], {
    cwd: places.consumer,
    environment: cleanEnvironment,
  });
  const types = join(places.consumer, 'node_modules/@types');
  mkdirSync(types, { recursive: true });
  if (!existsSync(join(types, 'node'))) symlinkSync(join(root, 'node_modules/@types/node'), join(types, 'node'));
}

/** Compiles the quickstart against the installed packages. */
export async function compileQuickstart(): Promise<void> {
  cpSync(join(quickstart, 'src'), join(places.consumer, 'src'), { recursive: true });
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable'],
    module: 'NodeNext',
    strict: true,
    types: ['node'],
    rewriteRelativeImportExtensions: true,
    rootDir: 'src',
    outDir: 'dist',
  };
  writeJson(join(places.consumer, 'tsconfig.json'), { compilerOptions, include: ['src'] });
  await runOrFail([...tool('typescript', 'tsc'), '-p', '.', '--pretty', 'false'], { cwd: places.consumer });
}

/** Runs the compiled quickstart in memory; it has to end by itself and to print something. */
export async function runQuickstart(version: string): Promise<string> {
  const environment = { ...cleanEnvironment, WAYBILL_URL: undefined };
  const node = await findNode(version);
  const options = { cwd: places.consumer, environment, timeoutMs: 60_000 };
  const { stdout } = await runOrFail([node, 'dist/main.js'], options);
  if (stdout.trim() === '') throw new Error('the quickstart printed nothing');
  return `${stdout.trim().split('\n').length} lines printed`;
}

/** Every name that a user may import, such as `@waybill/core/driver`. */
export function publishedNames(): readonly string[] {
  return stagedPackages().flatMap(({ manifest }) =>
    Object.keys(manifest.exports ?? {}).map((subpath) => posix.join(manifest.name, subpath)),
  );
}

const importEach = `
for (const name of process.argv.slice(1)) {
  const names = Object.keys(await import(name));
  if (names.length === 0) throw new Error(name + ' exports nothing');
  console.log(name, names.length);
}`;

/** Imports every published name; one that exports nothing is a failure. */
export async function importEverything(version: string): Promise<string> {
  const program = ['--input-type=module', '--eval', importEach, ...publishedNames()];
  const { stdout } = await runOrFail([await findNode(version), ...program], {
    cwd: places.consumer,
    environment: cleanEnvironment,
  });
  return `exports: ${stdout.trim().replaceAll('\n', ', ')}`;
}

/** Every published program starts and explains itself. */
export async function startPrograms(version: string): Promise<string> {
  const node = await findNode(version);
  const names = stagedPackages().flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}));
  if (names.length === 0) throw new Error('no package publishes a program');
  for (const name of names) {
    const program = [node, join('node_modules/.bin', name), '--help'] as const;
    const { stdout } = await runOrFail(program, {
      cwd: places.consumer,
      environment: cleanEnvironment,
      timeoutMs: 20_000,
    });
    if (!stdout.includes(name)) throw new Error(`${name} --help does not name ${name}:\n${stdout}`);
  }
  return names.join(', ');
}
