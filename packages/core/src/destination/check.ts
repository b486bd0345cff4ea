import { WaybillError } from '../error/error.ts';
import { checkDuration, checkFields, type Fields, isFunction, isPlain, oneOf, optional } from '../check.ts';
import type { Destination } from './destination.ts';

const wanted = oneOf(true, 'native');
const needFields: Fields = {
  delivery: oneOf('at-most-once', 'at-least-once', 'exactly-once'),
  order: oneOf('none', 'key', 'total'),
  delay: wanted,
  ttl: wanted,
  priority: wanted,
  dedup: wanted,
  deadLetter: wanted,
  pattern: wanted,
  filter: wanted,
  group: wanted,
  seek: oneOf('ends', 'position', 'timestamp'),
};
/** Needs that mean nothing for a kind are refused, not ignored. */
const foreign: Readonly<Record<Destination['kind'], readonly string[]>> = {
  queue: ['pattern', 'filter', 'seek', 'group'],
  topic: ['priority', 'seek', 'group'],
  stream: ['delay', 'ttl', 'priority', 'deadLetter', 'pattern', 'filter'],
};
const optionFields: Fields = {
  key: isFunction,
  retry: (value) =>
    isPlain(value) ? undefined : 'must be an object like { attempts: 5, backoff: exponential({ firstMs: 200 }) }',
  deadLetter: (value) =>
    typeof value === 'boolean' || (typeof value === 'string' && value !== '')
      ? undefined
      : 'must be true, false or the name of a queue',
  codec: (value) =>
    isPlain(value) && 'decode' in value && 'encode' in value
      ? undefined
      : 'must be a codec: { contentType, accepts, encode, decode }',
  native: optional(isPlain, 'must be an object by driver name'),
  retentionMs: checkDuration({ atLeastMs: 1000 }),
  partitions: (value) =>
    Number.isSafeInteger(value) && (value as number) > 0 ? undefined : 'must be a whole number above 0',
};
const retryFields: Fields = {
  attempts: (value) =>
    Number.isSafeInteger(value) && (value as number) > 0 ? undefined : 'must be a whole number above 0',
  backoff: (value) =>
    typeof value === 'function'
      ? undefined
      : 'must be a function from attempt to milliseconds, like exponential({ firstMs: 200 })',
};

/** Refuses what can never work on any broker; what only some can carry is the plan's business. */
export function checkDestination(destination: Destination): void {
  const where = `${destination.kind} ${JSON.stringify(destination.name)}`;
  checkName(destination.name, destination.kind);
  checkFields(`${where}: needs`, destination.needs, needFields);
  const odd = foreign[destination.kind].find((need) => Object.hasOwn(destination.needs, need));
  if (odd !== undefined)
    throw new WaybillError('invalid', `${where}: a ${destination.kind} cannot need "${odd}"; remove it`);
  checkFields(where, destination.options, optionFields);
  if (destination.options.retry) checkFields(`${where}: retry`, destination.options.retry, retryFields);
  if (destination.needs.order === 'key' && !destination.options.key) {
    throw new WaybillError('invalid', `${where}: order "key" needs a key: add key: (value) => …`);
  }
}

/** Names are text; each broker's own rules are checked by its driver. */
export function checkName(name: unknown, what: string): void {
  if (typeof name !== 'string')
    throw new WaybillError('invalid', `${what}: the name must be a string, not ${typeof name}`);
  if (name.trim() === '') throw new WaybillError('invalid', `${what}: the name is empty; give it one`);
  if (!name.isWellFormed() || /[\u0000-\u001f\u007f]/.test(name)) {
    throw new WaybillError(
      'invalid',
      `${what} ${JSON.stringify(name)}: the name holds control characters or half a surrogate pair; use printable text`,
    );
  }
}
