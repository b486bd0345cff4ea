import { describe, expect, it } from 'vitest';
import { checkCoreDependencies } from '../checks/core-dependencies.ts';
import { checkLinks } from '../checks/links.ts';
import { checkMachineTraces } from '../checks/machine-traces.ts';
import { throwProblems } from '../checks/problems.ts';
import { checkSizes, maxCoreLines, maxFileLines, wantedAdapterLines } from '../checks/sizes.ts';
import { checkSkeleton, skeleton } from '../checks/skeleton.ts';
import type { SourceFile } from '../lib/workspace.ts';

const lines = (count: number): string => 'x;\n'.repeat(count);
const file = (path: string, text: string): SourceFile => ({ path, text });
const small = file('packages/core/src/index.ts', lines(3));

describe('sizes', () => {
  it('accepts files and a core at their limits', () => {
    expect(checkSizes([file('packages/core/src/a.ts', lines(maxFileLines))]).problems).toEqual([]);
  });

  it('refuses a file above the limit and names it', () => {
    const long = file('packages/testbed/src/long.ts', lines(maxFileLines + 1));
    expect(checkSizes([small, long]).problems).toEqual(['packages/testbed/src/long.ts: 301 lines, at most 300']);
  });

  it('refuses a core above the limit', () => {
    const many = Array.from({ length: maxCoreLines / 250 + 1 }, (_, index) =>
      file(`packages/core/src/${index}.ts`, lines(250)),
    );
    expect(checkSizes(many).problems).toEqual(['packages/core/src: 6000 lines of code, at most 5950']);
  });

  it('refuses a workspace without a core', () => {
    expect(checkSizes([]).problems).toEqual(['packages/core/src: no source found']);
  });

  it('prints an adapter above the wish', () => {
    const parts = [1, 2, 3].map((part) => file(`packages/adapter-x/src/${part}.ts`, lines(wantedAdapterLines / 2)));
    const { problems, note } = checkSizes([small, ...parts]);
    expect(problems).toEqual([]);
    expect(note).toBe('lines of code: core 3, adapter-x 900 (an adapter should stay near 600)');
  });
});

describe('core dependencies', () => {
  const manifest = { name: '@waybill/core', version: '1.0.0' };

  it('accepts own files and node: modules', () => {
    const text = `import { on } from 'node:events';\nexport * from './a.ts';\nawait import('../b.ts');\nconst text = ["a from 'b'"];\n`;
    expect(checkCoreDependencies(manifest, [file('a.ts', text)])).toEqual([]);
  });

  it.each(['dependencies', 'peerDependencies', 'optionalDependencies'])('refuses %s', (field) => {
    const problems = checkCoreDependencies({ ...manifest, [field]: { ms: '1' } }, []);
    expect(problems).toEqual(['packages/core/package.json: depends on ms, but core has no dependencies']);
  });

  it.each([
    `import ms from 'ms';`,
    `import 'ms';`,
    `import {\n  a,\n  b,\n} from 'ms';`,
    `export { a } from "ms";`,
    `await import('ms');`,
  ])('refuses %s', (text) => {
    expect(checkCoreDependencies(manifest, [file('a.ts', text)])).toEqual([
      expect.stringContaining('a.ts: imports "ms"'),
    ]);
  });
});

describe('adapter skeleton', () => {
  it('accepts an adapter with every file and more', () => {
    expect(checkSkeleton(new Map([['adapter-x', [...skeleton, 'src/extra.ts']]]))).toEqual([]);
  });

  it('names the missing file', () => {
    const files = skeleton.filter((name) => name !== 'src/sender.ts');
    expect(checkSkeleton(new Map([['adapter-x', files]]))).toEqual(['packages/adapter-x/src/sender.ts is missing']);
  });

  it('refuses a workspace without an adapter', () => {
    expect(checkSkeleton(new Map())).toEqual(['packages/adapter-*: no adapter found']);
  });
});

describe('machine traces', () => {
  it('accepts paths of a project and of a container image', () => {
    const text = `see docs/work/a.md, ./root/x, \${root}/work/ and https://example.org/home/page\nexport const a = '/var/lib/x';`;
    expect(checkMachineTraces([file('a.md', text)])).toEqual([]);
  });

  it.each([
    ['root', 'cache'],
    ['work', 'main'],
    ['home', 'ada', 'x'],
    ['Users', 'ada', 'x'],
  ])('refuses the path /%s/%s', (...parts) => {
    const path = ['', ...parts].join('/');
    expect(checkMachineTraces([file('a.md', `one\nin "${path}"`)])).toEqual([
      expect.stringContaining('a.md:2: path of a machine'),
    ]);
  });

  it.each([
    ['registry', 'npmjs', 'org'],
    ['files', 'pythonhosted', 'org'],
    ['repo1', 'maven', 'org'],
  ])('refuses the host %s.%s.%s', (...parts) => {
    const problems = checkMachineTraces([file('pnpm-lock.yaml', `tarball: https://${parts.join('.')}/ms.tgz`)]);
    expect(problems).toEqual([`pnpm-lock.yaml:1: host of a package registry (${parts.join('.')})`]);
  });
});

describe('links', () => {
  const guide = file('docs/guide.md', '# The guide\n\n## Two `words`, here\n\n## Twice\n\n## Twice\n');
  const check = (text: string): readonly string[] =>
    checkLinks([file('README.md', text), guide], ['README.md', 'docs/guide.md', 'LICENSE']);

  it('accepts files, folders, anchors and other sites', () => {
    const text =
      '# Top\n[a](docs/guide.md#two-words-here) [b](docs) [c](#top) [d](https://x.org/y) [e](docs/guide.md#twice-1) [f](./LICENSE)';
    expect(check(text)).toEqual([]);
  });

  it('accepts whatever stands in code', () => {
    expect(check('```\n[a](nowhere.md)\n```\nand `[a](nowhere.md)`')).toEqual([]);
  });

  it('refuses a missing file', () => {
    expect(check('\n[a](docs/gone.md)')).toEqual([
      'README.md:2: docs/gone.md leads nowhere, docs/gone.md does not exist',
    ]);
  });

  it('refuses a missing heading, here and elsewhere', () => {
    expect(check('[a](docs/guide.md#gone) [b](#gone)')).toEqual([
      'README.md:1: docs/guide.md#gone leads nowhere, docs/guide.md has no heading #gone',
      'README.md:1: #gone leads nowhere, README.md has no heading #gone',
    ]);
  });
});

describe('problems', () => {
  it('throws one line per problem', () => {
    expect(() => throwProblems(['a', 'b'])).toThrow('2 problems\na\nb');
  });

  it('does nothing where there is none', () => {
    expect(() => throwProblems([])).not.toThrow();
  });
});
