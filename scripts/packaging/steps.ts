import type { Step } from '../lib/steps.ts';
import * as consumer from './consumer.ts';
import { measureImport, measureSize } from './footprint.ts';
import { nodeVersions } from './node-versions.ts';
import { areTheTypesWrong, pack, publint } from './pack.ts';
import { publishDryRun, versionPackages } from './release.ts';
import { checkUserTypes } from './user-types.ts';

const packed = 'pack every public package';
const installed = 'install the tarballs into an empty project';
const compiled = 'compile the quickstart against them';
const versioned = 'changesets version a release';

function stepsOnNode(version: string): readonly Step[] {
  return [
    { name: `quickstart on Node ${version}`, needs: compiled, run: () => consumer.runQuickstart(version) },
    { name: `imports on Node ${version}`, needs: installed, run: () => consumer.importEverything(version) },
    { name: `programs on Node ${version}`, needs: installed, run: () => consumer.startPrograms(version) },
  ];
}

function userTypes(version: string, compiler: string): Step {
  return { name: `types for users on TypeScript ${version}`, needs: installed, run: () => checkUserTypes(compiler) };
}

/** What only shows from outside: in the tarballs, and in the project of a user. */
export const packagingSteps: readonly Step[] = [
  { name: packed, run: pack },
  { name: 'publint', needs: packed, run: publint },
  { name: 'are the types wrong', needs: packed, run: areTheTypesWrong },
  { name: installed, needs: packed, run: consumer.installTarballs },
  { name: compiled, needs: installed, run: consumer.compileQuickstart },
  ...stepsOnNode(nodeVersions.oldest),
  ...stepsOnNode(nodeVersions.current),
  { name: 'size of core', needs: installed, run: async () => measureSize() },
  { name: 'import time of core', needs: installed, run: () => measureImport(nodeVersions.current) },
  userTypes('5.9', 'typescript-5'),
  userTypes('6.0', 'typescript-6'),
  userTypes('7.0', 'typescript'),
  { name: versioned, needs: packed, run: versionPackages },
  { name: 'dry run of publishing', needs: versioned, run: publishDryRun },
];
