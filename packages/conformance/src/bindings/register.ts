import type { Case } from '../case.ts';
import type { Certificate } from '../certificate/certificate.ts';
import { openSession, type RunOptions, type Session } from '../session.ts';
import { isBad } from '../states.ts';
import type { Target } from '../target.ts';

/** What the suite needs of a test runner. */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  /** `run` gets what marks the test as skipped, with the reason. Tests may run beside each other. */
  test(name: string, timeoutMs: number, run: (skip: (reason: string) => void) => Promise<void>): void;
  /** After all tests of this `describe`. */
  after(work: () => Promise<void>): void;
}

export interface RegisterOptions extends RunOptions {
  /** Gets the certificate when all cases have ended. */
  readonly onCertificate?: (certificate: Certificate) => void;
}

/** The wait for others is part of a test's time; each case has a limit of its own. */
const timeoutMs = 15 * 60_000;

/**
 * Registers a test for every case that applies to this broker, and one for the certificate. A case that is refused as
 * it must be passes; one without its control is skipped, with the reason; one that does not apply is no test, and only
 * in the certificate. Rejects where the broker cannot be reached.
 */
export async function registerConformance(
  target: Target,
  runner: TestRunner,
  options: RegisterOptions = {},
): Promise<void> {
  const session = await openSession(target, options);
  const applicable = await whatApplies(session);
  runner.describe(`conformance: ${target.name} ${session.broker}`, () => {
    for (const one of applicable) runner.test(`${one.id} ${one.title}`, timeoutMs, (skip) => judge(session, one, skip));
    runner.test('certificate', timeoutMs, () => closing(session, options));
    runner.after(() => session.close());
  });
}

async function whatApplies(session: Session): Promise<readonly Case[]> {
  const previews = await Promise.all(
    session.inOrder.map(async (one) => ({ one, preview: await session.preview(one) })),
  );
  return previews.flatMap(({ one, preview }) => (preview?.state === 'not-applicable' ? [] : one));
}

async function judge(session: Session, one: Case, skip: (reason: string) => void): Promise<void> {
  const { state, reason = '', stack } = await session.result(one);
  if (state === 'not-run') return skip(reason);
  if (!isBad(state)) return;
  const error = new Error(`${state}: ${reason}`);
  if (stack !== undefined) error.stack = stack;
  throw error;
}

/** Fails where anything failed, also a case that is no test of its own. */
async function closing(session: Session, { onCertificate }: RegisterOptions): Promise<void> {
  await session.all();
  const certificate = session.certificate();
  onCertificate?.(certificate);
  const bad = certificate.cases.filter(({ state }) => isBad(state));
  if (bad.length > 0) throw new Error(`no certificate: ${bad.map(({ id, state }) => `${id} ${state}`).join(', ')}`);
}
