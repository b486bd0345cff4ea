import { bundle } from './build/bundle.ts';
import { runOrFail, tool } from './lib/command.ts';
import { findPublicPackages } from './lib/workspace.ts';

async function build(): Promise<void> {
  const packages = findPublicPackages();
  await runOrFail([...tool('typescript', 'tsc'), '-b', ...packages.map(({ directory }) => directory)]);
  for (const one of packages) await bundle(one);
  console.log(`Built ${packages.map(({ manifest }) => manifest.name).join(', ')}.`);
}

try {
  await build();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
