import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { servers } from '../src/servers.ts';

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
  [['start'], 'which server? Known: rabbitmq, redis, nats, kafka'],
  [['start', 'rabitmq'], 'unknown server "rabitmq"; known: rabbitmq, redis, nats, kafka'],
  [['start', 'toString'], 'unknown server "toString"; known: rabbitmq, redis, nats, kafka'],
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
  const requirements = ['apt-get', 'dpkg-deb', 'flock', 'package sources', 'Java'];
  const kinds = Object.entries(servers).flatMap(([name, { lines }]) => lines.map((line) => `${name} ${line}:`));
  expect(kinds).toContain('kafka 4.3:');
  for (const word of [...requirements, ...kinds]) expect(output).toContain(word);
});
