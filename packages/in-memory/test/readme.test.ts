import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = new URL('./.readme/', import.meta.url);
const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const samples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
const fileOf = (index: number): string => fileURLToPath(new URL(`sample-${index + 1}.ts`, folder));
const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { timeout: 60_000 });

beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  const configuration = { extends: '../../../../tsconfig.programs.json', include: ['*.ts'], references: [] };
  await writeFile(new URL('tsconfig.json', folder), JSON.stringify(configuration));
  await Promise.all(samples.map((code, index) => writeFile(fileOf(index), code)));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('has samples whose types hold', async () => {
  expect(samples.length).toBeGreaterThanOrEqual(4);
  const compiler = createRequire(import.meta.url)
    .resolve('typescript/package.json')
    .replace('package.json', 'bin/tsc');
  const { stdout } = await node(compiler, '-p', fileURLToPath(folder)).catch(
    (error: { readonly stdout: string }) => error,
  );
  expect(stdout).toBe('');
}, 90_000);

it.each(samples.map((code, index) => ({ code, index, name: `${index + 1}: ${code.split('\n')[0]}` })))(
  'has a sample that ends by itself and prints what it says: $name',
  async ({ code, index }) => {
    const { stdout } = await node('--conditions=waybill-source', fileOf(index));
    for (const [, promised] of code.matchAll(/console\.log\(runs.*\/\/ (.*)$/gm)) expect(stdout).toBe(`${promised}\n`);
  },
  90_000,
);
