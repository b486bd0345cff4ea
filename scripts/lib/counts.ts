import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** What a step proved. A step without a report of its own counts as one. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const none: Counts = { passed: 0, failed: 0, skipped: 0 };
export const onePassed: Counts = { ...none, passed: 1 };
export const oneFailed: Counts = { ...none, failed: 1 };
export const oneSkipped: Counts = { ...none, skipped: 1 };

export function add(left: Counts, right: Counts): Counts {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
  };
}

/** The line that closes a run. */
export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Counts of a report, with a text for each failure in it. */
export interface Report extends Counts {
  readonly failures: readonly string[];
}

interface TestResult {
  readonly status: string;
  readonly fullName?: string;
  readonly failureMessages?: readonly string[];
}

/** The part of vitest's JSON report that is used. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly status: string;
    readonly name?: string;
    readonly message?: string;
    readonly assertionResults: readonly TestResult[];
  }[];
}

/** Anything that is neither passed nor failed did not run, so it counts as skipped. */
function countTest(status: string): Counts {
  if (status === 'passed') return onePassed;
  return status === 'failed' ? oneFailed : oneSkipped;
}

/** A file that failed without a failed test (a broken import, a hook) counts as one failure. */
export function countVitestReport(report: VitestReport, exitCode: number): Counts {
  const files = report.testResults.map(({ status, assertionResults }) => {
    const tests = assertionResults.map((test) => countTest(test.status)).reduce(add, none);
    return status === 'failed' && tests.failed === 0 ? add(tests, oneFailed) : tests;
  });
  const all = files.reduce(add, none);
  return exitCode !== 0 && all.failed === 0 ? add(all, oneFailed) : all;
}

const firstLines = (text: string, many: number): string => text.trimEnd().split('\n').slice(0, many).join('\n');

const describeTest = (file: string, { fullName = '', failureMessages = [] }: TestResult): string =>
  `${basename(file)}: ${fullName}\n${firstLines(failureMessages.join('\n'), 15)}`;

/** Every failed test, and every file that failed without one, with the first lines of its error. */
export function failuresOf(report: VitestReport): readonly string[] {
  return report.testResults.flatMap(({ status, name = '', message = '', assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (status !== 'failed' || failed.length > 0) return failed.map((test) => describeTest(name, test));
    return [`${basename(name)}: ${firstLines(message, 15)}`];
  });
}

/** No report means that the tests did not run: one failure. */
export function readVitestFile(path: string, exitCode: number): Report {
  if (!existsSync(path)) return { ...oneFailed, failures: ['no report was written'] };
  const report = JSON.parse(readFileSync(path, 'utf8')) as VitestReport;
  const failures = failuresOf(report);
  const ended = exitCode !== 0 && failures.length === 0 ? [`no test failed, but the exit code was ${exitCode}`] : [];
  return { ...countVitestReport(report, exitCode), failures: [...failures, ...ended] };
}
