import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse, UsageError } from '../src/cli/arguments.ts';
import { explain } from '../src/cli/explain.ts';
import { progressOn, type Screen } from '../src/cli/progress.ts';
import { allCases, type Certificate } from '@waybill/conformance';

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const lossy = fileURLToPath(new URL('targets/lossy.ts', import.meta.url));

/** A process of its own takes its time on a busy machine. */
const spawning = { timeout: 60_000 };

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (...args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=waybill-source', main, ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });

test('a run that failed nowhere ends with 0, a readable table and no escape codes', spawning, async () => {
  const { code, stdout } = await run('memory:', '--only', 'Q01,T01', '--seed', '7');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^pass +Q01 +one message arrives/m);
  expect(stdout).toMatch(/^T topics +1 /m);
  expect(stdout).toMatch(/2 cases in .* s, seed 7/);
  expect(stdout).not.toContain('\u001b');
});

test('a broker in this process can be disturbed without a target file', spawning, async () => {
  const { code, stdout } = await run('memory:', '--only', 'Q13,X01');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^pass +Q13 /m);
});

test('a failure ends with 1, with its reason and where it was found', spawning, async () => {
  const { code, stdout } = await run(lossy, '--only', 'Q01');
  expect(code).toBe(1);
  expect(stdout).toMatch(/fail {2}Q01/);
  expect(stdout).toContain('exactly the one message arrived: 1 lost');
  expect(stdout).toContain('cases/queue-basics.ts');
});

test('certificates are written in three forms', spawning, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'waybill-cli-'));
  const files = ['json', 'junit', 'markdown'].map((form) => [`--${form}`, join(directory, form)] as const);
  const { code } = await run('memory:', '--only', 'Q01,R*,N03:queue.delay', ...files.flat());
  const [json, junit, markdown] = files.map(([, file]) => readFileSync(file, 'utf8'));
  rmSync(directory, { recursive: true });
  expect(code).toBe(0);
  expect((JSON.parse(json!) as Certificate).cases.map(({ id, state }) => [id, state])).toEqual([
    ['Q01', 'pass'],
    ['N03:queue.delay', 'not-applicable'],
  ]);
  expect(junit).toMatch(/tests="2" failures="0" errors="0" skipped="1"/);
  expect(markdown).toContain('Nothing failed: 1 passed');
});

test.each([
  [['memory:', 'memory:'], /one broker at a time/],
  [['memory:', '--seed', 'x'], /--seed takes a whole number, 0 or more, not x/],
  [['memory:', '--concurrency', '0'], /--concurrency takes a whole number, 1 or more, not 0/],
  [['memory:', '--profile', 'slow'], /--profile is quick or full, not slow/],
  [['memory:', '--sed', '1'], /Unknown option '--sed'/],
] as const)('%j is a usage error', (args, message) => {
  expect(() => parse(args)).toThrow(UsageError);
  expect(() => parse(args)).toThrow(message);
});

test.each([
  [[], /which broker\? .*\n\nwaybill-conformance </s],
  [['amp://x'], /no adapter speaks "amp:"; did you mean "amqp"/],
  [['memory:', '--only', 'Z99'], /no case is called Z99/],
  [['memory:', '--group', 'Y'], /there is no group "Y"; there are Q, T,/],
  [['missing.ts'], /the target file .*missing\.ts does not exist/],
  [['amqp://127.0.0.1:9'], /rabbitmq cannot be reached, so no case ran/],
] as const)('%j ends with 2 and says what to do', spawning, async (args, message) => {
  const { code, stderr } = await run(...args);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});

test('--explain says what a case proves', () => {
  expect(explain('q01')).toContain('Q01  one message arrives');
  expect(explain('Q01')).toContain('a broker with queues; elsewhere the refusal is proven');
  expect(explain('N03')).toContain('N03:topic.delay');
  expect(() => explain('Z1')).toThrow('there is no case Z1; --list shows them all');
});

test('--list shows every case, --help the options', spawning, async () => {
  const [listed, helped] = await Promise.all([run('--list'), run('--help')]);
  expect(listed.stdout).toMatch(/^S23 +P0/m);
  expect(listed.stdout.trim().split('\n')).toHaveLength(allCases().length);
  expect(helped.stdout).toContain('--junit FILE');
});

test('a live terminal shows what runs, within its width, and erases it', () => {
  const written: string[] = [];
  const screen: Screen = { columns: 40, isColoured: false, isLive: true, write: (text) => written.push(text) };
  const tell = progressOn(screen);
  const one = {
    id: 'Q01',
    group: 'Q',
    title: 'a title that is much longer than what fits',
    priority: 0,
    kind: 'contract',
    requires: {},
    run: async () => {},
  } as const;
  const result = {
    ...one,
    state: 'pass',
    durationMs: 12,
    assertions: 1,
    traffic: { connects: 1, sent: 1, received: 1 },
    evidence: {},
  } as const;
  tell({ type: 'begin', cases: 2 });
  tell({ type: 'start', case: one });
  tell({ type: 'end', result, done: 1, cases: 2 });
  expect(written).toEqual([
    '\r\u001b[K0/2  Q01',
    expect.stringMatching(/^\r\u001b\[Kpass +Q01 .*… {2}12 ms\n$/),
    '\r\u001b[K1/2  ',
  ]);
});
