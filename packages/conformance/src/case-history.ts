import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.ts';
import type { CaseHistory } from './context.ts';
import type { Expect } from './expect.ts';
import { type Anomaly, check, openHistory, readHistory, type Verdict } from './history/index.ts';
import { Inconclusive } from './states.ts';

/** The history is kept where it did not come out valid, and its directory is named in the failure. */
export function openCaseHistory(run: string, cleanup: Cleanup, expect: Expect): CaseHistory {
  const directory = mkdtempSync(join(tmpdir(), 'waybill-history-'));
  const writer = openHistory({ directory, run, process: 'parent' });
  let keep = false;
  cleanup.add('the history', () => {
    writer.close();
    if (!keep) rmSync(directory, { recursive: true });
  });
  return {
    writer,
    directory,
    run,
    judge(claim) {
      writer.close();
      keep = true;
      const verdict = check(readHistory(directory, run), claim);
      if (verdict.outcome === 'unknown')
        throw new Inconclusive(`the history in ${directory} proves nothing: ${doubtsOf(verdict)}`);
      expect.equal(
        verdict.outcome,
        'valid',
        `the history in ${directory} keeps the claim${verdict.anomalies.map(describe).join('')}`,
      );
      keep = false;
      return verdict;
    },
  };
}

const doubtsOf = ({ doubts, anomalies }: Verdict): string =>
  [...doubts, ...anomalies.map(({ detail }) => detail)].join('; ');

const describe = (anomaly: Anomaly): string =>
  `\n  ${anomaly.class}: ${anomaly.detail}${anomaly.witness.map((event) => `\n    ${JSON.stringify(event)}`).join('')}\n`;
