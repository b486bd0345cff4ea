import { expect, it } from 'vitest';
import { run } from '../lib/command.ts';

const start = (...args: readonly string[]): ReturnType<typeof run> =>
  run([process.execPath, 'scripts/run.mjs', ...args]);

it('names the tasks when the task is missing or unknown', async () => {
  expect(await start()).toMatchObject({
    exitCode: 1,
    output: expect.stringContaining('No task given. Tasks: quickstart, test,'),
  });
  expect(await start('tset')).toMatchObject({ exitCode: 1, output: expect.stringContaining('Unknown task "tset".') });
});

it('passes arguments and the exit code through', async () => {
  expect(await start('test', 'no such step')).toMatchObject({
    exitCode: 2,
    output: expect.stringContaining('No step starts with "no such step"'),
  });
  expect(await start('test', '--list')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^format\nlint\n/),
  });
});
