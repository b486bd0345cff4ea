import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Edit } from './defect.ts';

/** Loaded before anything else (`--import`), in children too: puts the defect of the environment into the sources. */
const edits = JSON.parse(process.env['WAYBILL_CONFORMANCE_DEFECT'] ?? '[]') as readonly Edit[];

registerHooks({
  load(url, context, next) {
    const mine = url.startsWith('file:') ? edits.filter(({ file }) => url.endsWith(`/packages/${file}`)) : [];
    if (mine.length === 0) return next(url, context);
    let source = readFileSync(fileURLToPath(url), 'utf8');
    for (const { file, find, put } of mine) {
      const parts = source.split(find);
      if (parts.length !== 2)
        throw new Error(
          `defect: ${JSON.stringify(find)} is in ${file} ${parts.length - 1} times; it must be there once`,
        );
      source = parts.join(put);
    }
    return { format: 'module', source: stripTypeScriptTypes(source), shortCircuit: true };
  },
});
