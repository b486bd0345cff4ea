import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOrFail } from './command.ts';
import { root, type SourceFile } from './workspace.ts';

/** Every file that git tracks or would track, and that is there. */
export async function listFiles(...patterns: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await runOrFail([
    'git',
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    '--',
    ...patterns,
  ]);
  const { stdout: deleted } = await runOrFail(['git', 'ls-files', '-z', '--deleted', '--', ...patterns]);
  const gone = new Set(deleted.split('\0'));
  return [...new Set(stdout.split('\0'))].filter((path) => path !== '' && !gone.has(path)).toSorted();
}

/** The text files among them; a file with a zero byte is none. */
export async function readFiles(...patterns: readonly string[]): Promise<readonly SourceFile[]> {
  const paths = await listFiles(...patterns);
  return paths
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
    .filter(({ text }) => !text.includes('\0'));
}
