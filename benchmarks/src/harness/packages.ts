import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where a dependency of the benchmarks is installed. Its entry lies in its root, as amqplib's does. */
export const directoryOf = (packageName: string): string => dirname(fileURLToPath(import.meta.resolve(packageName)));

export function versionOf(packageName: string): string {
  const manifest = readFileSync(join(directoryOf(packageName), 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
