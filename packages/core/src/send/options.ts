import { anything, type Check, checkDuration, checkFields, type Fields, isPlain, isSignal, show } from '../check.ts';
import { reservedPrefix } from '../emulate/marks.ts';
import { invalid } from '../error/error.ts';

/** What a send may say, as core sees it: the union of all kinds. */
export interface Sending {
  readonly id?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly signal?: AbortSignal;
  readonly routingKey?: string;
  readonly key?: string;
  readonly delayMs?: number;
  readonly ttlMs?: number;
  readonly priority?: number;
  readonly native?: unknown;
}

const longestText = 255;
const shortText =
  (what: string): Check =>
  (value) => {
    if (typeof value !== 'string' || value === '') return `must be ${what}: a string that is not empty`;
    return value.isWellFormed() && Buffer.byteLength(value) <= longestText
      ? undefined
      : `must be well-formed text of at most ${longestText} bytes`;
  };
const routingKey: Check = (value) =>
  typeof value === 'string' && value.isWellFormed() && Buffer.byteLength(value) <= longestText
    ? undefined
    : `must be well-formed text of at most ${longestText} bytes, words split by "."`;
const messageId: Check = (value) =>
  typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value)
    ? undefined
    : 'must be 1 to 128 printable ASCII characters without spaces';
const ttl: Check = (value) =>
  value === 0 ? 'must be above 0; a message that may not live cannot be sent' : checkDuration({})(value);
const priority: Check = (value) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 9
    ? undefined
    : 'must be a whole number from 0 (lowest) to 9';

const shared: Fields = {
  id: messageId,
  headers: () => undefined,
  correlationId: shortText('a correlation id'),
  replyTo: shortText('an address'),
  signal: isSignal,
  native: anything,
  key: (value) => (typeof value === 'string' && value.isWellFormed() ? undefined : 'must be well-formed text'),
};
const later: Fields = { delayMs: checkDuration({}), ttlMs: ttl, priority };
const fields: Readonly<Record<'queue' | 'topic' | 'stream', Fields>> = {
  queue: { ...shared, ...later },
  topic: { ...shared, ...later, routingKey },
  stream: shared,
};

/** Refuses what cannot be sent, before anything is. */
export function checkSending(where: string, kind: 'queue' | 'topic' | 'stream', given: Sending): void {
  checkFields(where, given, fields[kind]);
  if (given.headers !== undefined) checkHeaders(where, given.headers);
}

/** What every broker carries unchanged: ASCII names, and values that are strings and not empty. */
function checkHeaders(where: string, headers: unknown): void {
  if (!isPlain(headers))
    throw invalid(`${where}: headers must be an object of strings, like { tenant: 'a' }, not ${show(headers)}`);
  for (const [name, value] of Object.entries(headers)) {
    const problem = headerProblem(name, value);
    if (problem !== undefined) throw invalid(`${where}: header ${JSON.stringify(name)} ${problem}`);
  }
}

function headerProblem(name: string, value: unknown): string | undefined {
  if (!/^[\x21-\x7e]{1,128}$/.test(name))
    return 'must have a name of 1 to 128 printable ASCII characters without spaces';
  if (name === '__proto__') return 'has a name that clients lose when they decode it (amqplib does); choose another';
  if (name.toLowerCase().startsWith(reservedPrefix))
    return `is Waybill's own; choose a name that does not begin with "${reservedPrefix}"`;
  if (typeof value !== 'string')
    return `must be a string, not ${value === null ? 'null' : typeof value}; say how it is written, for example String(value)`;
  if (value === '') return 'is empty, which not every broker can carry; leave it out';
  return value.isWellFormed() && !value.includes('\0') ? undefined : 'must be well-formed text without NUL';
}
