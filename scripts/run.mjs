// Starts one task of this workspace. It runs before anything is installed, hence plain JavaScript,
// Node 20.19 with npm, and no dependency.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const tasks = {
  quickstart: ['examples/quickstart/src/main.ts'],
  test: ['scripts/test.ts'],
  check: ['scripts/test.ts', '--quick'],
  build: ['scripts/build.ts'],
  broker: ['packages/testbed/src/cli.ts', 'start'],
  faults: ['faults/src/main.ts'],
  bench: ['benchmarks/src/main.ts'],
  conformance: ['packages/conformance/src/cli/main.ts'],
  tables: ['packages/conformance/src/tables/main.ts'],
};

/** Node that runs TypeScript files as they are, without a flag. */
const typeStrippingSince = [22, 18];
const nodeOptions = ['--conditions=waybill-source', '--disable-warning=ExperimentalWarning'];
const root = fileURLToPath(new URL('..', import.meta.url));
const lockfile = join(root, 'pnpm-lock.yaml');
const stamp = join(root, 'node_modules', '.installed-lockfile');

function fail(message) {
  console.error(message);
  process.exit(1);
}

function lockfileHash() {
  return createHash('sha256').update(readFileSync(lockfile)).digest('hex');
}

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lockfileHash();
}

function install() {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const started = Date.now();
  process.stderr.write('Installing the workspace, once (about 100 MB) … ');
  const onWindows = process.platform === 'win32';
  const result = spawnSync('npx', ['--yes', packageManager, 'install', '--frozen-lockfile'], {
    cwd: root,
    encoding: 'utf8',
    shell: onWindows,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.status !== 0) {
    fail(
      `failed.\n${result.error ?? ''}${result.stdout ?? ''}${result.stderr ?? ''}\nThe installation needs the npm registry: check the network, then run the command again.`,
    );
  }
  writeFileSync(stamp, lockfileHash());
  process.stderr.write(`done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

/** The workspace brings its own Node 24 for Linux with glibc; elsewhere the current one must be new enough. */
function findNode() {
  const bundled = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  if (existsSync(bundled) && spawnSync(bundled, ['--version']).status === 0) return bundled;
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [wantedMajor, wantedMinor] = typeStrippingSince;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return process.execPath;
  return fail(
    `Waybill's own tasks need Node ${typeStrippingSince.join('.')} or newer, and this is ${process.versions.node}. ` +
      'Install a newer Node (on Linux with glibc, x64 or arm64, the workspace brings its own).',
  );
}

/** A terminal signals the whole process group; anyone else signals this process only. */
function passSignals(child) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
}

function run(node, task, args) {
  const [file, ...fixed] = task;
  if (!existsSync(join(root, file))) fail(`This task has no program yet: ${file} does not exist.`);
  const child = spawn(node, [...nodeOptions, join(root, file), ...fixed, ...args], { stdio: 'inherit' });
  passSignals(child);
  child.on('error', (error) => fail(`Cannot start ${node}: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

const [name, ...args] = process.argv.slice(2);
const task = Object.hasOwn(tasks, name ?? '') ? tasks[name] : undefined;
if (task === undefined) {
  fail(`${name === undefined ? 'No task given' : `Unknown task "${name}"`}. Tasks: ${Object.keys(tasks).join(', ')}.`);
}
if (!isInstalled()) install();
run(findNode(), task, args);
