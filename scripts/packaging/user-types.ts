import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, tool } from '../lib/command.ts';
import { root } from '../lib/workspace.ts';
import { publishedNames } from './consumer.ts';
import { places } from './places.ts';

const resolutions = [
  { module: 'NodeNext', moduleResolution: 'NodeNext' },
  { module: 'ESNext', moduleResolution: 'Bundler' },
] as const;

function importEveryName(): string {
  const names = publishedNames();
  const imports = names.map((name, index) => `import * as module${index} from '${name}';`);
  return `${imports.join('\n')}\nexport const all = [${names.map((_, index) => `module${index}`).join(', ')}];\n`;
}

/** Of a client library: whoever uses it without us and checks its declarations as strictly meets the same error. */
const isForeign = (line: string): boolean => /^node_modules\/(?!@waybill\/)/.test(line);

/** Each error begins a line; what explains it is indented below. */
function ownErrors(output: string): readonly string[] {
  return output.split(/\n(?=\S)/).filter((error) => error.trim() !== '' && !isForeign(error));
}

/**
 * Type-checks the quickstart and an import of every name as a strict user would, our declarations
 * included. Errors inside the declarations of client libraries are not ours, and are left out.
 * @param compiler the name of the workspace's dependency that holds this TypeScript
 */
export async function checkUserTypes(compiler: string): Promise<void> {
  const directory = join(places.consumer, 'types');
  mkdirSync(directory, { recursive: true });
  cpSync(join(root, 'examples/quickstart/src'), join(directory, 'quickstart'), { recursive: true });
  writeFileSync(join(directory, 'names.ts'), importEveryName());
  for (const resolution of resolutions) {
    const compilerOptions = {
      ...resolution,
      target: 'ES2022',
      lib: ['ES2023', 'ESNext.Disposable'],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      allowImportingTsExtensions: true,
    };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['.'] }));
    const command = [...tool(compiler, 'tsc'), '-p', directory, '--pretty', 'false'] as const;
    const { exitCode, output } = await run(command, { cwd: places.consumer });
    const errors = ownErrors(output);
    if (errors.length > 0 || (exitCode !== 0 && output.trim() === ''))
      throw new Error(errors.join('\n') || `tsc ended with exit code ${exitCode}`);
  }
}
