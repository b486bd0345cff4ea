import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { TestbedError } from '../errors.ts';
import { runCommand } from './command.ts';
import type { DebianPackage } from './debian.ts';

/** What must change in an unpacked tree before its programs run from where they are. Patterns are relative to the tree. */
export interface TreePatch {
  /** ELF programs, run with the tree's own loader and libraries. */
  readonly programs: readonly string[];
  /** Scripts in which `prefix` + `/path` becomes `prefix` + the place of `path` in the tree. */
  readonly scripts: readonly { readonly pattern: string; readonly prefix: string; readonly path: string }[];
}

/** Unpacks into `building`; what is written into files names `location`, the place that it will be renamed to. */
export async function buildTree(
  packages: readonly DebianPackage[],
  patch: TreePatch,
  building: string,
  location: string,
): Promise<void> {
  for (const { file } of packages) await runCommand('dpkg-deb', ['-x', file, building]);
  const programs = matches(building, patch.programs);
  const launcher = programs.length > 0 ? loaderOf(building) : undefined;
  if (launcher) for (const program of programs) await wrap(program, launcher, building, location);
  for (const { pattern, prefix, path } of patch.scripts) {
    for (const script of matches(building, [pattern]))
      await replace(script, `${prefix}/${path}`, prefix + join(location, path));
  }
}

interface Launcher {
  readonly loader: string;
  readonly libraries: readonly string[];
}

/** Paths relative to the tree. Older suites keep libraries in both places. */
function loaderOf(tree: string): Launcher {
  const loader = globSync(['lib/*/ld-linux-*.so.*', 'usr/lib/*/ld-linux-*.so.*'], { cwd: tree })[0];
  if (loader === undefined)
    throw new TestbedError(`no program loader in the unpacked packages under ${tree}; is the C library among them?`);
  return { loader, libraries: globSync(['lib/*-linux-gnu*', 'usr/lib/*-linux-gnu*'], { cwd: tree }) };
}

function matches(tree: string, patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => {
    const found = globSync(pattern, { cwd: tree });
    if (found.length === 0)
      throw new TestbedError(`the unpacked packages hold no ${pattern}; the recipe does not fit their version`);
    return found.map((path) => join(tree, path));
  });
}

/** `exec` keeps the process number: signals to what was started reach the program itself. */
async function wrap(program: string, launcher: Launcher, building: string, location: string): Promise<void> {
  const at = (path: string) => join(location, path);
  const binary = program.replace(building, location) + '.elf';
  await rename(program, `${program}.elf`);
  const libraries = launcher.libraries.map(at).join(':');
  await writeFile(
    program,
    `#!/bin/sh\nexec "${at(launcher.loader)}" --library-path "${libraries}" --argv0 "$0" "${binary}" "$@"\n`,
  );
  await chmod(program, 0o755);
}

async function replace(script: string, from: string, to: string): Promise<void> {
  const text = await readFile(script, 'utf8');
  if (!text.includes(from))
    throw new TestbedError(`${script} does not say ${from}; the recipe does not fit its version`);
  await writeFile(script, text.replace(from, to));
}
