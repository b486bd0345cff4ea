import {
  check,
  type Check,
  checkDuration,
  checkFields,
  checkTimestamp,
  type Fields,
  isCount,
  isFunction,
  isObject,
  isPlain,
  isSignal,
  oneOf,
  show,
} from '../check.ts';
import { isName } from '../destination/check.ts';
import { invalid } from '../error/error.ts';
import type { BatchOptions, ConsumeOptions } from './handles.ts';
import type { BusOptions } from './options.ts';

const isMiddleware: Check = (value) => {
  if (!Array.isArray(value)) return 'must be an array of functions (delivery, next) => next()';
  const at = value.findIndex((one) => typeof one !== 'function');
  return at < 0 ? undefined : `holds ${show(value[at])} at ${at}; each must be a function (delivery, next) => next()`;
};
const busFields: Fields = {
  topology: oneOf('create', 'verify', 'assume'),
  connectTimeoutMs: checkDuration({ atLeastMs: 100 }),
  sendTimeoutMs: checkDuration({ atLeastMs: 100 }),
  resend: oneOf('never', 'safe', 'always'),
  window: isCount,
  maxWaiting: isCount,
  middleware: isMiddleware,
  observe: isFunction,
  clock: check(
    (value) => isObject(value) && typeof value['now'] === 'function' && typeof value['after'] === 'function',
    'must be a clock: { now, after }',
  ),
};
export const checkBusOptions = (options: BusOptions): void => checkFields('connect options', options, busFields);

const name = check(isName, 'must be printable text that is not empty');
const consumeFields: Fields = {
  concurrency: isCount,
  maxInFlight: isCount,
  handlerTimeoutMs: checkDuration({ atLeastMs: 10 }),
  leaseMs: checkDuration({ atLeastMs: 200 }),
  drainMs: checkDuration({}),
  window: isCount,
  middleware: isMiddleware,
  signal: isSignal,
};
const batchFields: Fields = { maxMessages: isCount, maxWaitMs: checkDuration({}) };
const subscribeFields: Fields = {
  subscription: name,
  pattern: check((value) => typeof value === 'string' && value !== '', 'must be a string that is not empty'),
  headers: (value) => (isPlain(value) ? undefined : 'must be an object of strings'),
};
const groupFields: Fields = { group: name, from: () => undefined };

const sets = { consume: {}, subscribe: subscribeFields, group: groupFields } as const satisfies Readonly<
  Record<string, Fields>
>;

/** Refuses what a consumer cannot mean, before it receives anything. */
export function checkConsuming(
  where: string,
  kind: keyof typeof sets,
  handler: unknown,
  options: object,
  batch: boolean,
): void {
  if (typeof handler !== 'function') throw invalid(`${where}: the handler must be a function, not ${show(handler)}`);
  checkFields(where, options, { ...consumeFields, ...sets[kind], ...(batch ? batchFields : {}) });
  const { concurrency, maxInFlight, maxMessages = 100 } = options as ConsumeOptions & BatchOptions;
  const atOnce = batch ? (concurrency ?? 1) * maxMessages : (concurrency ?? 0);
  if (maxInFlight !== undefined && maxInFlight < atOnce) {
    throw invalid(
      `${where}: maxInFlight is ${maxInFlight}, below the ${atOnce} that the handlers take at once; raise it, or lower the others`,
    );
  }
}

const readFields: Fields = {
  from: () => undefined,
  limit: isCount,
  until: (value) =>
    isPlain(value) && 'timestamp' in value
      ? checkTimestamp(value['timestamp'])
      : 'must be { timestamp: <epoch milliseconds> }',
  idleMs: checkDuration({ atLeastMs: 10 }),
  prefetch: isCount,
  signal: isSignal,
};
export const checkReading = (where: string, options: object): void => checkFields(where, options, readFields);
