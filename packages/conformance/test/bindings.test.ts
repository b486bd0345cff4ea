import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Case, type Certificate, registerConformance, runConformance, vitestRunner } from '@waybill/conformance';
import { expect, test } from 'vitest';
import { doorCases } from './programs/door-cases.ts';
import { memoryTarget } from './support.ts';

/** A runner that keeps what is registered and runs it in turn, like any other. */
async function outcomes(
  cases: readonly Case[],
): Promise<{ readonly seen: Readonly<Record<string, string>>; readonly certificate: Certificate | undefined }> {
  const tests: {
    readonly name: string;
    readonly run: (context: { skip(reason?: string): unknown }) => Promise<void>;
  }[] = [];
  const after: (() => Promise<void>)[] = [];
  let certificate: Certificate | undefined;
  const runner = vitestRunner({
    describe: (_, body) => body(),
    test: { concurrent: (name, _, run) => tests.push({ name, run }) },
    afterAll: (work) => after.push(work),
  });
  await registerConformance(memoryTarget(), runner, { cases, onCertificate: (done) => (certificate = done) });
  const seen: Record<string, string> = {};
  for (const { name, run } of tests) seen[name.split(' ')[0]!] = await outcomeOf(run);
  for (const work of after) await work();
  return { seen, certificate };
}

async function outcomeOf(run: (context: { skip(reason?: string): unknown }) => Promise<void>): Promise<string> {
  let outcome = 'passed';
  try {
    await run({ skip: (reason) => (outcome = `skipped: ${reason}`) });
    return outcome;
  } catch (error) {
    return `failed: ${(error as Error).message.split('\n')[0]}`;
  }
}

const expected = {
  Q91: 'passed',
  Q92: 'failed: fail: two: is 1, not 2',
  Q93: 'failed: unknown: nothing was seen',
  Q94: 'skipped: no control: pause',
  Q96: 'passed',
  certificate: 'failed: no certificate: Q92 fail, Q93 unknown',
};

test('through a runner each case has its state: refused passes, not-run is skipped, what does not apply is no test', async () => {
  const { seen, certificate } = await outcomes(doorCases);
  expect(seen).toEqual(expected);
  expect(certificate?.cases).toHaveLength(6);
});

test('without a failure the certificate is a passing test', async () => {
  const { seen } = await outcomes(doorCases.filter(({ id }) => id === 'Q91'));
  expect(seen).toEqual({ Q91: 'passed', certificate: 'passed' });
});

test('all doors give the same results', async () => {
  const { certificate } = await outcomes(doorCases);
  const direct = await runConformance(memoryTarget(), { cases: doorCases });
  const plain = ({ cases }: Certificate): readonly string[] =>
    cases.map(({ id, state, reason }) => `${id} ${state} ${reason}`).sort();
  expect(plain(certificate!).map(withoutRun)).toEqual(plain(direct).map(withoutRun));
});
const withoutRun = (text: string): string => text.replaceAll(/wbc-\w+/g, 'wbc');

test('node:test runs the same cases', { timeout: 60_000 }, () => {
  const program = fileURLToPath(new URL('programs/node-door.ts', import.meta.url));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const tap = execFileSync(
    process.execPath,
    ['--conditions=waybill-source', '--test-reporter=tap', '--test', program],
    { encoding: 'utf8', env },
  );
  expect(tap).toMatch(/ok \d+ - Q91 /);
  expect(tap).toMatch(/ok \d+ - Q94 .* # SKIP no control: pause/);
  expect(tap).toMatch(/ok \d+ - certificate/);
  expect(tap).toMatch(/# fail 0/);
});
