import { invalid } from './error/error.ts';

/** Says what is wrong with a value, or nothing. */
export type Check = (value: unknown) => string | undefined;
export type Fields = Readonly<Record<string, Check>>;

/** Refuses unknown fields, with a suggestion, and wrong values. `undefined` is as good as absent. */
export function checkFields(where: string, given: unknown, fields: Fields): void {
  if (!isPlain(given)) throw invalid(`${where}: the options must be an object, not ${show(given)}`);
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!check) throw invalid(`${where}: there is no option "${name}"${suggestion(name, Object.keys(fields))}`);
    const problem = value === undefined ? undefined : check(value);
    if (problem !== undefined) throw invalid(`${where}: ${name} ${problem}${found(problem, value)}`);
  }
}

/** What is said of a value that must be otherwise ends with the value; other sentences name it themselves. */
export const found = (problem: string, value: unknown): string =>
  problem.startsWith('must') ? `, not ${show(value)}` : '';

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Written as `{ … }`, or a module's names: not a Map, a Date or an instance, whose contents would be lost unseen. */
export const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isObject(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);

export const isFunction: Check = (value) => (typeof value === 'function' ? undefined : 'must be a function');
export const isSignal: Check = (value) => (value instanceof AbortSignal ? undefined : 'must be an AbortSignal');
export const isText: Check = (value) =>
  typeof value === 'string' && value !== '' ? undefined : 'must be a string that is not empty';
export const isCount: Check = (value) =>
  Number.isSafeInteger(value) && (value as number) > 0 ? undefined : 'must be a whole number above 0';
export const anything: Check = () => undefined;

export const oneOf =
  (...allowed: readonly (string | boolean)[]): Check =>
  (value) =>
    allowed.includes(value as string) ? undefined : `must be ${listed(allowed.map((one) => JSON.stringify(one)))}`;

const listed = (words: readonly string[]): string =>
  [words.slice(0, -1).join(', '), words.at(-1)].filter(Boolean).join(' or ');

/** A check from a question. */
export const check =
  (test: (value: unknown) => boolean, message: string): Check =>
  (value) =>
    test(value) ? undefined : message;

const longestMs = 366 * 24 * 3_600_000;

/**
 * A duration in milliseconds. Below `atLeastMs` it was most likely meant in seconds, above a year in nanoseconds: both
 * are questioned, because a lease of 30 ms redelivers everything and a timeout of 3e10 ms never ends.
 */
export const checkDuration =
  ({ atLeastMs = 0 }: { readonly atLeastMs?: number }): Check =>
  (value) => {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
      return 'must be a number of milliseconds, 0 or more';
    if (value < atLeastMs)
      return `is ${value} milliseconds; give at least ${atLeastMs}. Was it meant in seconds? Then write ${value * 1000}`;
    if (value > longestMs) return `is ${value} milliseconds, which is above a year; give less`;
    return undefined;
  };

/** Epoch milliseconds; seconds and microseconds are told apart by their size. */
export const checkTimestamp: Check = (value) => {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    return 'must be a time in epoch milliseconds, like Date.now()';
  if (value > 0 && value < 1e11)
    return `is ${value}, which in epoch milliseconds is before 1974. Was it meant in seconds? Then write ${value * 1000}`;
  if (value > 1e14)
    return `is ${value}, which in epoch milliseconds is after the year 5000. Was it meant in microseconds? Then write ${Math.floor(value / 1000)}`;
  return undefined;
};

/** `; did you mean "x"?`, or the list when nothing is near. */
export function suggestion(name: string, known: readonly string[]): string {
  const nearest = known.toSorted((a, b) => distance(name, a) - distance(name, b))[0];
  if (nearest !== undefined && distance(name, nearest) <= Math.max(2, name.length / 3))
    return `; did you mean "${nearest}"?`;
  const longer = known.find((one) => name !== '' && one.toLowerCase().startsWith(name.toLowerCase()));
  if (longer !== undefined) return `; did you mean "${longer}"?`;
  return known.length === 0 ? '' : `; there are: ${known.join(', ')}`;
}

/** Levenshtein's, one row at a time. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const cost = from[i - 1]?.toLowerCase() === to[j - 1]?.toLowerCase() ? 0 : 1;
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + cost));
    }
    row = next;
  }
  return row[to.length]!;
}

/** A value in an error message. */
export function show(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
