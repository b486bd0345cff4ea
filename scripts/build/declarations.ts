import { cpSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const relativeImport = /(?:\bfrom\s*|\bimport\s*\(?\s*)['"](\.[^'"]+)\.(?:ts|js)['"]/g;

/** The declaration files that a user of these entries can come across, and no others. */
function reachableDeclarations(entries: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const waiting = [...entries];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(relativeImport)) {
      waiting.push(`${join(dirname(file), specifier)}.d.ts`);
    }
  }
  return found;
}

export function copyDeclarations(entries: readonly string[], from: string, to: string): void {
  for (const file of reachableDeclarations(entries)) cpSync(file, join(to, relative(from, file)));
}
