import { existsSync, readFileSync } from 'node:fs';

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

/** The part of vitest's JSON report that is counted. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
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

/** No report means that the tests did not run: one failure. */
export function countVitestFile(path: string, exitCode: number): Counts {
  if (!existsSync(path)) return oneFailed;
  return countVitestReport(JSON.parse(readFileSync(path, 'utf8')) as VitestReport, exitCode);
}
