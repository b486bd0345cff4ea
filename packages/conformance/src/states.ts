/** What became of a case. Only `pass` and `refused` prove something; nothing else counts as success. */
export const states = {
  pass: 'ran, asserted something, saw traffic, and everything held',
  fail: 'a promise was broken, or the case proved nothing (no assertion, no traffic)',
  refused: 'this broker cannot, and says so: the refusal was provoked and came before any side effect',
  'not-applicable': 'asks about something that this broker, or this version of Waybill, does not have',
  'not-run': 'the harness lacks a control that the case needs',
  unknown: 'inconclusive: a fault could not be confirmed, or a history proves nothing',
} as const;

export type State = keyof typeof states;

export const stateNames = Object.keys(states) as readonly State[];

/** A certificate with one of these is no certificate. */
export const isBad = (state: State): boolean => state === 'fail' || state === 'unknown';

/** Thrown by a case that finds that what it needs is missing: its state becomes `not-run`. */
export class NotRun extends Error {
  override readonly name = 'NotRun';
}

/** Thrown by a case that finds that this broker does not have what it asks about: its state becomes `not-applicable`. */
export class NotApplicable extends Error {
  override readonly name = 'NotApplicable';
}

/** Thrown by a case that cannot come to a verdict: its state becomes `unknown`. */
export class Inconclusive extends Error {
  override readonly name = 'Inconclusive';
}
