import {
  check,
  checkDuration,
  checkFields,
  type Fields,
  isCount,
  isFunction,
  isObject,
  isPlain,
  oneOf,
  show,
  suggestion,
} from '../check.ts';
import { invalid } from '../error/error.ts';
import type { Destination, Kind } from './destination.ts';

const wanted = oneOf(true, 'native');
const shared: Fields = {
  delivery: oneOf('at-most-once', 'at-least-once', 'exactly-once'),
  order: oneOf('none', 'key', 'total'),
  dedup: wanted,
};
const held: Fields = { ...shared, delay: wanted, ttl: wanted, deadLetter: wanted, priority: wanted };
/** Needs that mean nothing for a kind are refused, not ignored. */
const needs: Readonly<Record<Kind, Fields>> = {
  queue: held,
  topic: { ...held, pattern: wanted, filter: wanted },
  stream: { ...shared, seek: oneOf('ends', 'position', 'timestamp'), group: wanted },
};

const common: Fields = {
  key: isFunction,
  retry: check(isPlain, 'must be an object like { attempts: 5, backoff: exponential({ firstMs: 200 }) }'),
  deadLetter: check(
    (value) => typeof value === 'boolean' || isName(value),
    'must be true, false or the name of a queue',
  ),
  codec: check(isCodec, 'must be a codec: { contentType, accepts, encode, decode }'),
  native: check(isPlain, 'must be an object by driver name'),
};
const options: Readonly<Record<Kind, Fields>> = {
  queue: common,
  topic: common,
  stream: { ...common, retentionMs: checkDuration({ atLeastMs: 1000 }), partitions: isCount },
};
const retry: Fields = {
  attempts: isCount,
  backoff: check(
    (value) => typeof value === 'function',
    'must be a function from attempt to milliseconds, like exponential({ firstMs: 200 })',
  ),
};

/** Refuses what can never work on any broker; what only some can carry is the plan's business. */
export function checkDestination(destination: Destination): void {
  const { kind, name, schema, needs: asked, options: given } = destination;
  const where = `${kind} ${JSON.stringify(name)}`;
  checkName(name, kind);
  checkFields(`${where}: needs`, asked, needs[kind]);
  checkKnown(where, kind, given);
  checkFields(where, given, options[kind]);
  if (given.retry) checkFields(`${where}: retry`, given.retry, retry);
  if (schema !== undefined && !isSchema(schema))
    throw invalid(`${where}: schema must be a Standard Schema, or type<T>() to only give the type`);
  if (asked.order === 'key' && !given.key) throw invalid(`${where}: order "key" needs a key: add key: (value) => …`);
}

/** A need beside `needs` is the likeliest mistake, and the list of options is longer than what is left to check here. */
function checkKnown(where: string, kind: Kind, given: object): void {
  const known = ['schema', 'needs', ...Object.keys(options[kind])];
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const way = Object.hasOwn(needs[kind], unknown)
    ? `; it belongs into needs: { ${unknown}: … }`
    : suggestion(unknown, known);
  throw invalid(`${where}: there is no option "${unknown}"${way}`);
}

/** What was made by `queue`, `topic` or `stream`, and checked there. */
export function checkIsDestination(where: string, value: unknown): void {
  if (
    isObject(value) &&
    typeof value['name'] === 'string' &&
    Object.hasOwn(needs, String(value['kind'])) &&
    isPlain(value['needs']) &&
    isPlain(value['options'])
  )
    return;
  throw invalid(`${where}: ${show(value)} is no destination; make it with queue(), topic() or stream()`);
}

/** Names are text; each broker's own rules are checked by its driver. */
function checkName(name: unknown, what: string): void {
  if (isName(name)) return;
  throw invalid(`${what}: the name must be printable text that is not empty, not ${show(name)}`);
}

export const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.trim() !== '' && value.isWellFormed() && !/[\u0000-\u001f\u007f]/.test(value);

const isSchema = (value: unknown): boolean => {
  const standard =
    typeof value === 'object' || typeof value === 'function'
      ? (value as { readonly '~standard'?: unknown })['~standard']
      : undefined;
  return isObject(standard) && typeof standard['validate'] === 'function';
};
function isCodec(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value['contentType'] === 'string' &&
    ['accepts', 'encode', 'decode'].every((name) => typeof value[name] === 'function')
  );
}
