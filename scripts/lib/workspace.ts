import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Subpath, condition, file. */
type Exports = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly packageManager?: string;
  readonly exports?: Exports;
  /** What replaces the fields of the same name when the package is packed. */
  readonly publishConfig?: { readonly exports?: Exports };
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Package {
  /** The folder below `packages/`. */
  readonly folder: string;
  readonly directory: string;
  readonly manifest: Manifest;
}

export function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
}

export function findPackages(workspace: string = root): readonly Package[] {
  return readdirSync(join(workspace, 'packages'))
    .map((folder) => ({ folder, directory: join(workspace, 'packages', folder) }))
    .filter(({ directory }) => existsSync(join(directory, 'package.json')))
    .map((found) => ({ ...found, manifest: readManifest(found.directory) }));
}

export function findPublicPackages(workspace: string = root): readonly Package[] {
  return findPackages(workspace).filter(({ manifest }) => manifest.private !== true);
}

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** Reports and build state of this checkout; ignored by git. */
export const localCache = join(root, '.cache');

/** What is worth keeping between checkouts, such as another Node. `WAYBILL_CACHE_DIR` moves it. */
export function sharedCache(): string {
  const chosen = process.env['WAYBILL_CACHE_DIR'];
  if (chosen) return resolve(chosen);
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'waybill');
}
