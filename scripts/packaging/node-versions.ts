import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runOrFail } from '../lib/command.ts';
import { StepSkipped } from '../lib/steps.ts';
import { sharedCache } from '../lib/workspace.ts';

/** The oldest Node that the published packages promise, and the one that they are developed on. */
export const nodeVersions = { oldest: '20.19.0', current: process.versions.node } as const;

const packageName = `node-linux-${process.arch}`;

async function install(version: string, directory: string): Promise<void> {
  mkdirSync(sharedCache(), { recursive: true });
  const incomplete = mkdtempSync(join(sharedCache(), 'incomplete-'));
  const flags = ['--prefix', incomplete, '--no-save', '--no-audit', '--no-fund'];
  await runOrFail(['npm', 'install', ...flags, `${packageName}@${version}`], { cwd: incomplete });
  rmSync(directory, { recursive: true, force: true });
  renameSync(incomplete, directory);
}

/** The program of one Node version, installed from npm into the shared cache on first use. */
export async function findNode(version: string): Promise<string> {
  if (version === process.versions.node) return process.execPath;
  if (process.platform !== 'linux') throw new StepSkipped(`Node ${version} is only brought along on Linux`);
  const directory = join(sharedCache(), `node-${version}-${process.arch}`);
  const program = join(directory, 'node_modules', packageName, 'bin', 'node');
  if (!existsSync(program)) await install(version, directory);
  return program;
}
