import type { Manifest, SourceFile } from '../lib/workspace.ts';

/** `import … from 'x'` and `export … from 'x'`, `import 'x'`, and `import('x')`. */
const specifiers = [
  /^(?:import|export)\s[^'"`;]*?\bfrom\s*['"]([^'"\n]+)['"]/gm,
  /^import\s*['"]([^'"\n]+)['"]/gm,
  /\bimport\(\s*['"]([^'"\n]+)['"]/g,
];

function isOwn(name: string): boolean {
  return name.startsWith('./') || name.startsWith('../') || name.startsWith('node:');
}

/**
 * Core depends on nothing: neither in its manifest nor by an import. An adapter is loaded by a name
 * that is known at run time only, which this check leaves alone.
 */
export function checkCoreDependencies(manifest: Manifest, files: readonly SourceFile[]): readonly string[] {
  const { dependencies = {}, peerDependencies = {}, optionalDependencies = {} } = manifest;
  const declared = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies });
  const imported = files.flatMap(({ path, text }) =>
    specifiers
      .flatMap((pattern) => [...text.matchAll(pattern)])
      .map((match) => match[1] ?? '')
      .filter((name) => !isOwn(name))
      .map((name) => `${path}: imports "${name}", but core may only use its own files and node: modules`),
  );
  return [
    ...declared.map((name) => `packages/core/package.json: depends on ${name}, but core has no dependencies`),
    ...imported,
  ];
}
