import { completeClaim, type Claim } from './claim.ts';
import { Findings, withWitnesses } from './findings.ts';
import { record } from './intake.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { collectDoubts } from './doubts.ts';
import type { History } from './reader.ts';
import { judgeCounts } from './rules/counting.ts';
import { judgeDuplicates } from './rules/duplicates.ts';
import { judgeFates } from './rules/fate.ts';
import { judgeLoss, type LossCounts } from './rules/loss.ts';
import { judgeOrder } from './rules/order.ts';
import { judgeOverlap } from './rules/overlap.ts';
import { judgePublishing } from './rules/publish.ts';
import { judgeSettling } from './rules/settling.ts';
import { judgeProgress } from './rules/stuck.ts';
import type { Counts, FaultRecord, Verdict } from './verdict.ts';

export interface CheckOptions {
  /** How many anomalies of each class are kept with their witness; all are counted. @default 20 */
  readonly witnesses?: number;
}

/**
 * Judges a history by a claim. Walks it once, and a second time for witnesses if something was found. Time grows with
 * the number of events, memory with the number of messages and deliveries.
 *
 * @throws HistoryFormatError for a file that cannot be read.
 */
export function check(history: History, claim: Claim, options: CheckOptions = {}): Verdict {
  const ledger = createLedger(completeClaim(claim));
  for (const event of history) record(ledger, event);
  const findings = new Findings(options.witnesses ?? 20);
  const losses = judgeAll(ledger, findings);
  const doubts = collectDoubts(ledger, history);
  return {
    outcome: findings.isInvalid ? 'invalid' : findings.isUnknown || doubts.length > 0 ? 'unknown' : 'valid',
    doubts,
    anomalies: withWitnesses(findings.kept, history),
    counts: countsOf(ledger, findings, losses),
    faults: [...ledger.faults.values()].map(({ fault, kind, scope, target, from, to, evidence }): FaultRecord => ({
      fault,
      kind,
      scope,
      target,
      beganAt: from,
      healedAt: to === Infinity ? undefined : to,
      evidence,
    })),
    run: ledger.run,
    beganAt: ledger.firstAt,
    spanMs: ledger.tally.events === 0 ? 0 : ledger.lastAt - ledger.firstAt,
    processes: history.headers.map(({ process, uncertaintyMs }) => ({
      process,
      uncertaintyMs,
      isTorn: history.torn.has(process),
    })),
  };
}

/** The rule for duplicates comes first: others build on the causes that it finds. */
function judgeAll(ledger: Ledger, findings: Findings): LossCounts {
  judgePublishing(ledger, findings);
  judgeDuplicates(ledger, findings);
  const losses = judgeLoss(ledger, findings);
  judgeSettling(ledger, findings);
  judgeOrder(ledger, findings);
  judgeOverlap(ledger, findings);
  judgeCounts(ledger, findings);
  judgeFates(ledger, findings);
  judgeProgress(ledger, findings);
  return losses;
}

function countsOf(ledger: Ledger, findings: Findings, losses: LossCounts): Counts {
  const { events, deliveries, ok, error, deadLetters } = ledger.tally;
  const published = { ok: 0, failed: 0, unknown: 0 };
  let messages = 0;
  for (const { invokes, oks, fails } of ledger.messages.values()) {
    if (invokes === 0) continue;
    messages += 1;
    published[oks > 0 ? 'ok' : fails === invokes ? 'failed' : 'unknown'] += 1;
  }
  return {
    events,
    messages,
    published,
    deliveries,
    handled: { ok, error },
    deadLetters,
    ...losses,
    explained: ledger.explained,
    anomalies: findings.counts,
  };
}
