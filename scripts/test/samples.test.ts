import { describe, expect, it } from 'vitest';
import { compileSamples } from '../checks/compile-samples.ts';
import { extractSamples } from '../checks/samples.ts';

const page = (text: string): { path: string; text: string } => ({ path: 'docs/a.md', text });

describe('samples in Markdown', () => {
  it('takes TypeScript blocks only, each at the line where it stands', () => {
    const samples = extractSamples(
      page('# A\n```ts\nconst a = 1;\n```\n```sh\nls\n```\n```typescript\nconst b = 2;\n```\n'),
    );
    expect(samples).toEqual([
      { name: 'docs--a.md.2.ts', code: '\n\nconst a = 1;\nexport {};\n' },
      { name: 'docs--a.md.8.ts', code: `${'\n'.repeat(8)}const b = 2;\nexport {};\n` },
    ]);
  });

  it('appends a continued block to the one before', () => {
    const [sample, ...others] = extractSamples(page('```ts\nconst a = 1;\n```\n```ts continued\nconst b = a;\n```'));
    expect(others).toEqual([]);
    expect(sample?.code).toBe('\nconst a = 1;\n\n\nconst b = a;\nexport {};\n');
  });

  it(
    'compiles a sample that imports our packages and names the page and line of a mistake',
    { timeout: 30_000 },
    async () => {
      const good =
        '```ts\nimport * as driver from "@waybill/core/driver";\nexport const names = Object.keys(driver);\n```\n';
      expect(await compileSamples(extractSamples(page(good)), 'samples-test')).toEqual([]);
      const [problem] = await compileSamples(
        extractSamples(page(`${good}\`\`\`ts\n\nconst a: string = 1;\n\`\`\``)),
        'samples-test',
      );
      expect(problem).toContain(`docs--a.md.5.ts(7,7): error TS2322`);
    },
  );
});
