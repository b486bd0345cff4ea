import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import type { Package } from '../lib/workspace.ts';
import { copyDeclarations } from './declarations.ts';

const published = './lib/';

/** `driver/index` for the entry that is published as `./lib/driver/index.js`. */
function entriesOf({ manifest }: Package): readonly string[] {
  const targets = Object.values(manifest.publishConfig?.exports ?? {}).map((conditions) => conditions['default'] ?? '');
  return targets.filter((target) => target.startsWith(published)).map((target) => target.slice(published.length, -3));
}

/**
 * Turns what the compiler wrote to `dist` into the few files that users load, in `lib`: importing
 * seventy modules one by one takes several times as long, and comments only belong in declarations.
 * Names stay as they are, so that stack traces can be read. A package that publishes `dist` is left alone.
 */
export async function bundle(found: Package): Promise<void> {
  const entries = entriesOf(found);
  if (entries.length === 0) return;
  const [from, to] = [join(found.directory, 'dist'), join(found.directory, 'lib')];
  rmSync(to, { recursive: true, force: true });
  const modules = await rolldown({
    input: Object.fromEntries(entries.map((entry) => [entry, join(from, `${entry}.js`)])),
    external: /^[^./]/,
    platform: 'node',
  });
  await modules.write({
    dir: to,
    format: 'esm',
    comments: false,
    minify: { compress: true, mangle: { keepNames: true, toplevel: false }, codegen: { removeWhitespace: true } },
    chunkFileNames: 'shared-[name].js',
  });
  await modules.close();
  copyDeclarations(
    entries.map((entry) => join(from, `${entry}.d.ts`)),
    from,
    to,
  );
}
