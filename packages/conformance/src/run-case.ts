import { AssertionError } from 'node:assert';
import type { Case } from './case.ts';
import type { Janitor } from './cleanup.ts';
import { makeContext, type OpenContext, type Setting } from './make-context.ts';
import type { Result } from './result.ts';
import { Inconclusive, NotApplicable, NotRun, type State } from './states.ts';
import { within } from './waits.ts';

const defaultTimeoutMs = 30_000;

type Verdict = Pick<Result, 'state' | 'reason' | 'stack'>;

/** Errors that nobody handled while this case ran; the runner fills it. */
export type Stray = readonly unknown[];

/** Runs one case to its end, cleans up after it, and judges it. Never rejects. */
export async function runCase(setting: Setting, one: Case, janitor: Janitor, stray: Stray): Promise<Result> {
  const startedAt = performance.now();
  const deadline = new AbortController();
  const open = makeContext(setting, one, deadline.signal);
  const ran = await attempt(one, open.context);
  deadline.abort();
  const verdict = await cleanedUp(ran, open, janitor);
  return {
    ...describe(one),
    ...judge(one, open, verdict, stray),
    durationMs: Math.round(performance.now() - startedAt),
    assertions: open.context.expect.count,
    traffic: { connects: open.traffic.connects, sent: open.traffic.sent, received: open.traffic.received },
    evidence: open.evidence,
  };
}

/** What a result says of a case before it ran. */
export const describe = ({
  id,
  group,
  title,
  priority,
  kind,
}: Case): Pick<Result, 'id' | 'group' | 'title' | 'priority' | 'kind'> => ({ id, group, title, priority, kind });

async function attempt(one: Case, context: OpenContext['context']): Promise<Verdict> {
  try {
    await within(`the case, ${one.id},`, one.run(context), one.timeoutMs ?? defaultTimeoutMs);
    return { state: 'pass' };
  } catch (error) {
    return verdictOf(error);
  }
}

function verdictOf(error: unknown): Verdict {
  if (error instanceof Inconclusive) return { state: 'unknown', reason: error.message };
  if (error instanceof NotRun) return { state: 'not-run', reason: error.message };
  if (error instanceof NotApplicable) return { state: 'not-applicable', reason: error.message };
  if (!(error instanceof Error)) return { state: 'fail', reason: `threw ${String(error)}` };
  const reason = error instanceof AssertionError ? error.message : `${error.name}: ${error.message}`;
  return { state: 'fail', reason, ...(error.stack !== undefined && { stack: error.stack }) };
}

/** A bus that does not close, or a broker that does not mend, is a failure too. */
async function cleanedUp(
  ran: Verdict,
  { cleanup, traffic, evidence }: OpenContext,
  janitor: Janitor,
): Promise<Verdict> {
  const problems = await cleanup.run();
  const left = await janitor
    .remove(traffic.declared)
    .catch((error: unknown) => problems.push(`removing what was declared: ${String(error)}`));
  if (left > 0) evidence['left behind'] = left;
  if (problems.length === 0) return ran;
  const before = ran.state === 'fail' ? `${ran.reason}; ` : '';
  return { ...ran, state: 'fail', reason: `${before}after the case: ${problems.join('; ')}` };
}

function judge(one: Case, { context, traffic }: OpenContext, verdict: Verdict, stray: Stray): Verdict {
  if (stray.length > 0)
    return { state: 'fail', reason: `an error that nobody handled came while it ran: ${stray.map(textOf).join('; ')}` };
  if (verdict.state !== 'pass') return verdict;
  if (context.expect.count === 0) return vacuous('no assertion was made');
  if (one.traffic !== 'none' && traffic.sent === 0 && traffic.received === 0) return vacuous('no message was seen');
  return verdict;
}

const vacuous = (why: string): { readonly state: State; readonly reason: string } => ({
  state: 'fail',
  reason: `vacuous: ${why}, so nothing was proven`,
});
const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
