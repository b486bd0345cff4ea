import { bundle } from './build/bundle.ts';
import { runOrFail, tool } from './lib/command.ts';
import { findPublicPackages } from './lib/workspace.ts';

const packages = findPublicPackages();
await runOrFail([...tool('typescript', 'tsc'), '-b', ...packages.map(({ directory }) => directory)]);
for (const one of packages) await bundle(one);
console.log(`Built ${packages.map(({ manifest }) => manifest.name).join(', ')}.`);
