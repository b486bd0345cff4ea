import { fileURLToPath } from 'node:url';
import { generateTables } from './generate.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const check = process.argv.includes('--check');

try {
  const differing = generateTables(root, { check });
  if (differing.length === 0) console.log('The tables of capabilities say what the certificates say.');
  else if (check)
    fail(
      `not what the certificates say: ${differing.join(', ')}\nDo not edit the tables; run packages/conformance/src/tables/main.ts`,
    );
  else console.log(`written: ${differing.join(', ')}`);
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
