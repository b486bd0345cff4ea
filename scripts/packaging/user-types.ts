import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOrFail, tool } from '../lib/command.ts';
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

/**
 * Type-checks the quickstart and an import of every name as a strict user would, our declarations
 * and those of the client libraries included.
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
    await runOrFail([...tool(compiler, 'tsc'), '-p', directory, '--pretty', 'false'], { cwd: places.consumer });
  }
}
