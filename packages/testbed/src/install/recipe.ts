import type { TreePatch } from './tree.ts';

interface CommonRecipe {
  readonly server: string;
  readonly line: string;
  /** What is downloaded, roughly. */
  readonly megabytes: number;
  /** Raise it when the recipe changes: trees of an older revision are built again. */
  readonly revision: number;
}

/** Unpacked packages of a Debian suite, with all that they depend on. */
export interface DebianRecipe extends CommonRecipe {
  readonly from: 'debian';
  readonly suite: string;
  /** The package whose version tells the line. */
  readonly mainPackage: string;
  readonly packages: readonly string[];
  /** Packages that others depend on and that are not needed here. */
  readonly without?: readonly string[];
  readonly patch: TreePatch;
}

/** What packages of servers depend on to make users of the system and services of them, which is not done here. */
export const withoutServices = ['adduser', 'debconf', 'init-system-helpers', 'lsb-base', 'passwd', 'systemd'] as const;

/** Artifacts of Maven Central with all that they depend on, as files `lib/*.jar`. */
export interface MavenRecipe extends CommonRecipe {
  readonly from: 'maven';
  readonly version: string;
  /** `group:artifact:version`. */
  readonly artifacts: readonly string[];
}

/** How a line of a server is put on disk. A further server is one more value of this type. */
export type Recipe = DebianRecipe | MavenRecipe;

export interface Installation {
  readonly server: string;
  readonly line: string;
  /** As published; the running server is asked for its own. */
  readonly version: string;
  readonly location: string;
}

export type Progress = (message: string) => void;

/** Where a recipe is carried out: `building` is renamed to `location` when it is complete. */
export interface Site {
  readonly building: string;
  readonly location: string;
  /** Deleted afterwards. */
  readonly downloads: string;
  readonly progress: Progress;
  /** For what the recipe itself needs. */
  readonly install: (recipe: Recipe) => Promise<Installation>;
}

export function isOfLine(version: string, line: string): boolean {
  return version === line || version.startsWith(`${line}.`);
}
