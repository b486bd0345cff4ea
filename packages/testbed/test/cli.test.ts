import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../src/cli.ts', import.meta.url));

interface Result {
  readonly code: number;
  readonly output: string;
}

async function run(...commandLine: string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=waybill-source', program, ...commandLine], (error, output, errors) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: output + errors });
    });
  });
}

test.each([
  [[], 'no command given'],
  [['begin', 'rabbitmq'], 'unknown command "begin"'],
  [['start'], 'which server? Known: rabbitmq'],
  [['start', 'rabitmq'], 'unknown server "rabitmq"; known: rabbitmq'],
  [['start', 'toString'], 'unknown server "toString"; known: rabbitmq'],
  [['start', 'rabbitmq', '--line', '5'], 'no line "5" of rabbitmq; known: 4.3, 3.10'],
  [['start', 'rabbitmq', '--lines', '5'], "Unknown option '--lines'"],
])('%j is answered with one clear error', async (commandLine, message) => {
  const { code, output } = await run(...commandLine);
  expect(output).toContain(message);
  expect(output).not.toMatch(/^\s+at /m);
  expect(code).toBe(1);
});

test('doctor names every requirement and every server', async () => {
  const { output } = await run('doctor');
  for (const word of ['apt-get', 'dpkg-deb', 'flock', 'package sources', 'rabbitmq 4.3', 'rabbitmq 3.10']) {
    expect(output).toContain(word);
  }
});
