import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startChild, waitFor } from '../src/index.ts';

const counter = new URL('programs/counter.ts', import.meta.url);

test('a child is killed at the very passage of a named point that was asked for', async () => {
  await using child = await startChild(counter, [], { holdAt: { counted: 37 } });

  const reached = await child.reached('counted');
  expect(reached).toMatchObject({ passage: 37, isHeld: true, detail: { count: 37 } });

  expect(await child.kill()).toEqual({ code: null, signal: 'SIGKILL' });
  expect(child.isRunning).toBe(false);
});

test('a point that is passed without a hold is reported once, with its detail', async () => {
  await using child = await startChild(counter, ['25']);
  expect(await child.reached('ready')).toMatchObject({ passage: 1, isHeld: false, detail: { limit: 25 } });
  expect(await child.reached('counted')).toMatchObject({ passage: 1, detail: { count: 1 } });
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.output).toContain('done counting');
});

test('a held child goes on when it is released, up to the next hold', async () => {
  await using child = await startChild(counter, ['50'], { holdAt: { counted: 3 } });
  await child.reached('counted');
  child.hold('counted', 41);
  child.release('counted');
  expect(await child.reached('counted')).toMatchObject({ passage: 41, isHeld: true });
  child.release('counted');
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test('waiting for a point that a child ends without reaching says how it ended and what it printed', async () => {
  await using child = await startChild(counter, ['2']);
  await expect(child.reached('elsewhere')).rejects.toThrow(
    /ended \(exit code 0\) before it reached "elsewhere".*done counting/s,
  );
  await expect(child.kill()).rejects.toThrow('it has ended');
});

test('a module that does not exist is reported, not waited for', async () => {
  await using child = await startChild(new URL('programs/none.ts', import.meta.url));
  await expect(child.reached('ready')).rejects.toThrow(/none\.ts/);
});

test('a paused child makes no progress until it is resumed', async () => {
  await using child = await startChild(counter);
  await child.reached('counted');
  await child.pause();
  expect(stateOf(child.pid)).toBe('T');
  const before = ticksOf(child.pid);
  const progress = () => (ticksOf(child.pid) > before ? 'progress' : undefined);
  await expect(waitFor('progress', progress, { timeoutMs: 300 })).rejects.toThrow('in vain');
  await child.resume();
  expect(await waitFor('progress', progress)).toBe('progress');
});

/** Fields of the kernel's record about a process, from the third (its state) on. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function stateOf(pid: number): string | undefined {
  return statOf(pid)[0];
}

/** Processor time used so far, in clock ticks. */
function ticksOf(pid: number): number {
  return Number(statOf(pid)[11]) + Number(statOf(pid)[12]);
}
