/** Proves a Waybill driver on a live broker. */
export { nodeRunner } from './bindings/node-test.ts';
export { registerConformance, type RegisterOptions, type TestRunner } from './bindings/register.ts';
export { type Vitest, vitestRunner } from './bindings/vitest.ts';
export { type Case, type Control, type Facts, type Group, groups, type Requirements } from './case.ts';
export { allCases } from './cases/index.ts';
export type { Certificate, Counts, Proof } from './certificate/certificate.ts';
export { toJson } from './certificate/json.ts';
export { toJunit } from './certificate/junit.ts';
export { toMarkdown } from './certificate/markdown.ts';
export type { CaseHistory, Context } from './context.ts';
export type { Expect } from './expect.ts';
export type { Inbox, InboxOptions, Job, Taken } from './inbox.ts';
export { mutants } from './mutants/index.ts';
export type { Mutant } from './mutants/mutant.ts';
export type { Random } from './random.ts';
export type { Result } from './result.ts';
export { runConformance } from './runner.ts';
export { openSession, type Progress, type RunOptions, type Session } from './session.ts';
export { Inconclusive, isBad, type State, states } from './states.ts';
export {
  type BrokerControl,
  defineTarget,
  type FaultProxy,
  type Profile,
  type ProxyFault,
  type ProxyWay,
  type Security,
  type Target,
  type Timing,
} from './target.ts';
