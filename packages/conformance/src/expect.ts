import { AssertionError } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { type ErrorCode, WaybillError } from '@waybill/core';

/** Assertions of a case, counted: a case that made none has proven nothing. The message says what is promised. */
export interface Expect {
  readonly count: number;
  readonly ok: (value: unknown, message: string) => void;
  readonly equal: <T>(actual: T, expected: T, message: string) => void;
  readonly deepEqual: (actual: unknown, expected: unknown, message: string) => void;
  readonly match: (text: string, pattern: RegExp, message: string) => void;
  /** From `least` to `most`, both included. */
  readonly between: (actual: number, least: number, most: number, message: string) => void;
  /** The same members as often, in any order. What is lost, doubled or foreign is in the failure. */
  readonly sameMembers: (actual: readonly string[], expected: readonly string[], message: string) => void;
  /** Rejects with a WaybillError of this code (or one of these), which is returned. */
  readonly rejects: (
    work: Promise<unknown> | (() => unknown),
    code: ErrorCode | readonly ErrorCode[],
    message: string,
  ) => Promise<WaybillError>;
  readonly fail: (message: string) => never;
}

export function makeExpect(): Expect {
  let count = 0;
  const counted =
    <A extends readonly unknown[], R>(check: (...args: A) => R) =>
    (...args: A): R => {
      count += 1;
      return check(...args);
    };
  return {
    get count() {
      return count;
    },
    ok: counted((value, message) => holds(Boolean(value), message)),
    equal: counted((actual, expected, message) =>
      holds(Object.is(actual, expected), withValues(message, actual, expected)),
    ),
    deepEqual: counted((actual, expected, message) =>
      holds(isDeepStrictEqual(actual, expected), withValues(message, actual, expected)),
    ),
    match: counted((text, pattern, message) =>
      holds(pattern.test(text), `${message}: ${JSON.stringify(text)} does not match ${pattern}`),
    ),
    between: counted((actual, least, most, message) =>
      holds(actual >= least && actual <= most, `${message}: ${actual} is not between ${least} and ${most}`),
    ),
    sameMembers: counted((actual, expected, message) => {
      const found = differences(actual, expected);
      holds(found === '', `${message}: ${found}`);
    }),
    rejects: counted(rejects),
    fail: counted((message) => holds(false, message) as never),
  };
}

/** Not the functions of node:assert: some versions of Node add a comparison of their own to a message that is given. */
function holds(condition: boolean, message: string): void {
  if (!condition) throw new AssertionError({ message });
}

const withValues = (message: string, actual: unknown, expected: unknown): string =>
  `${message}: is ${show(actual)}, not ${show(expected)}`;

function show(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

async function rejects(
  work: Promise<unknown> | (() => unknown),
  code: ErrorCode | readonly ErrorCode[],
  message: string,
): Promise<WaybillError> {
  const codes = typeof code === 'string' ? [code] : code;
  const rejection = await rejectionOf(work);
  if (rejection === undefined)
    throw new AssertionError({ message: `${message}: it resolved, and had to be refused with ${codes.join(' or ')}` });
  const { error } = rejection;
  if (!WaybillError.is(error))
    throw new AssertionError({ message: `${message}: it rejected with ${String(error)}, which is no WaybillError` });
  holds(
    codes.includes(error.code),
    `${message}: the code is ${error.code}, not ${codes.join(' or ')}: ${error.message}`,
  );
  return error;
}

async function rejectionOf(work: Promise<unknown> | (() => unknown)): Promise<{ readonly error: unknown } | undefined> {
  try {
    await (typeof work === 'function' ? work() : work);
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** What distinguishes two multisets, in words; empty where nothing does. */
export function differences(actual: readonly string[], expected: readonly string[]): string {
  const left = new Map<string, number>();
  for (const one of expected) left.set(one, (left.get(one) ?? 0) + 1);
  const extra: string[] = [];
  for (const one of actual) {
    const owed = left.get(one);
    if (!owed) extra.push(one);
    else left.set(one, owed - 1);
  }
  const known = new Set(expected);
  const parts = [
    listed(
      'lost',
      [...left].flatMap(([one, owed]) => Array.from({ length: owed }, () => one)),
    ),
    listed(
      'doubled',
      extra.filter((one) => known.has(one)),
    ),
    listed(
      'foreign',
      extra.filter((one) => !known.has(one)),
    ),
  ];
  return parts.filter((part) => part !== '').join('; ');
}

const listed = (what: string, ids: readonly string[]): string =>
  ids.length === 0 ? '' : `${ids.length} ${what} (${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''})`;
