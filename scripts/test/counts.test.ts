import { describe, expect, it } from 'vitest';
import { countVitestReport, failuresOf, readVitestFile, summaryLine } from '../lib/counts.ts';
import { runSteps, type Step } from '../lib/steps.ts';

const report = (status: string, ...statuses: string[]): Parameters<typeof countVitestReport>[0] => ({
  testResults: [{ status, assertionResults: statuses.map((one) => ({ status: one })) }],
});

describe('counting a vitest report', () => {
  it('counts what passed, failed, and did not run', () => {
    const counts = countVitestReport(report('failed', 'passed', 'passed', 'failed', 'skipped', 'pending', 'todo'), 1);
    expect(counts).toEqual({ passed: 2, failed: 1, skipped: 3 });
  });

  it('counts a file that could not be loaded as one failure', () => {
    expect(countVitestReport(report('failed'), 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('counts a bad exit code without a failed test as one failure', () => {
    expect(countVitestReport(report('passed', 'passed'), 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });

  it('counts a missing report as one failure', () => {
    const read = readVitestFile('/nonexistent/report.json', 0);
    expect(read).toEqual({ passed: 0, failed: 1, skipped: 0, failures: ['no report was written'] });
  });
});

it('names what failed in a report, with the first lines of the error', () => {
  const failed = { status: 'failed', fullName: 'suite one', failureMessages: [`Error: no\n${'at x\n'.repeat(50)}`] };
  const failures = failuresOf({
    testResults: [
      { status: 'failed', name: 'test/a.test.ts', assertionResults: [{ status: 'passed' }, failed] },
      { status: 'failed', name: 'test/b.test.ts', message: 'cannot import', assertionResults: [] },
      { status: 'passed', name: 'test/c.test.ts', assertionResults: [{ status: 'passed' }] },
    ],
  });
  expect(failures).toEqual([
    `a.test.ts: suite one\nError: no\n${'at x\n'.repeat(14).trimEnd()}`,
    'b.test.ts: cannot import',
  ]);
});

describe('running steps', () => {
  const ok: Step = { name: 'a', run: async () => 'a note' };
  const broken: Step = { name: 'b', run: () => Promise.reject(new Error('first\nsecond')) };
  const dependent: Step = { name: 'c', needs: 'b', run: async () => {} };
  const many: Step = { name: 'd', run: async () => ({ passed: 5, failed: 0, skipped: 1, failures: [] }) };

  async function lines(steps: readonly Step[]): Promise<{ printed: string[]; summary: string }> {
    const printed: string[] = [];
    const counts = await runSteps(steps, { print: (line) => printed.push(line), now: () => 0 });
    return { printed, summary: summaryLine(counts) };
  }

  it('goes on after a failure and sums what every step counted', async () => {
    const { summary } = await lines([ok, broken, dependent, many]);
    expect(summary).toBe('6 passed, 1 failed, 2 skipped');
  });

  it('skips what needs a failed step, and says why', async () => {
    const { printed } = await lines([broken, dependent]);
    expect(printed).toContain('      needs "b", which did not pass');
  });

  it('shows the whole message of a failure, and notes', async () => {
    const { printed } = await lines([ok, broken]);
    expect(printed).toEqual([
      expect.stringMatching(/^\[ 1\/2\] a +ok {2}0\.0 s$/),
      '      a note',
      expect.stringMatching(/^\[ 2\/2\] b +FAILED {2}0\.0 s$/),
      '      first\n      second',
      '\nWhat failed\n[ 2/2] b\n      first\n      second',
    ]);
  });

  it('runs neighbours that may run beside each other at once, and the next step after them', async () => {
    const events: string[] = [];
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    const step = (name: string, run: () => Promise<void>): Step => ({
      name,
      beside: true,
      run: async () => {
        events.push(`${name} begins`);
        await run();
        events.push(`${name} ends`);
      },
    });
    const alone: Step = { name: 'alone', run: async () => void events.push('alone') };
    const steps = [step('one', () => opened), step('two', async () => open()), alone];
    expect(await runSteps(steps, { print: () => undefined, now: () => 0 })).toEqual({
      passed: 3,
      failed: 0,
      skipped: 0,
    });
    expect(events.slice(0, 2)).toEqual(['one begins', 'two begins']);
    expect([...events].sort()).toEqual(['alone', 'one begins', 'one ends', 'two begins', 'two ends']);
    expect(events.at(-1)).toBe('alone');
  });
});
