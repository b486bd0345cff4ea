import { type ErrorCode, networkCode, noConnection, type Sought, WaybillError } from '@waybill/core/driver';

/** The first word of an error of the server, or of one of our scripts. */
const replies: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^(NOAUTH|WRONGPASS|NOPERM|DENIED)\b|^ERR AUTH /, 'denied'],
  [
    /^(NOGROUP|NOPLACE)\b|^UNBLOCKED the stream key no longer exists|no such key|requires the key to exist/,
    'not-found',
  ],
  [/^WRONGTYPE\b/, 'mismatch'],
  [/^OOM\b|max number of clients/, 'overloaded'],
  [/^BUSY\b/, 'overloaded'],
  [/^(LOADING|MASTERDOWN|READONLY|MISCONF|NOREPLICAS|CLUSTERDOWN|MOVED|ASK|TRYAGAIN|UNBLOCKED)\b/, 'unavailable'],
  [/^CROSSSLOT\b/, 'invalid'],
  [/^(NOPROTO|ERR Protocol error)|^Protocol error/, 'protocol'],
  [/^ERR DB index is out of range|^ERR SELECT is not allowed/, 'invalid'],
  [/^ERR unknown (sub)?command/, 'unsupported'],
];

/** What ioredis says without a code. The first is said before anything is written. */
const notWritten = "Stream isn't writeable and enableOfflineQueue options is false";
const sayings: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^Stream isn't writeable|^Connection is closed|^Command aborted|^Reached the max retries/, 'unavailable'],
  [/^Protocol error|^Invalid protocol/, 'protocol'],
];

/** Whether the server said so itself: then it has not done what was asked. */
const isReply = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError';
/** Certainly nothing of it was stored. */
export const isRefused = (error: unknown): boolean =>
  isReply(error) || WaybillError.is(error) || (error instanceof Error && error.message === notWritten);

/** ioredis keeps the arguments of a command with its error: passwords, and whole messages. */
export function withoutArguments(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) delete error.command;
  return error;
}

/** Pure and total. */
export function classify(error: unknown): ErrorCode {
  if (WaybillError.is(error)) return error.code;
  if (!(error instanceof Error)) return 'internal';
  if (error.name === 'AbortError' && !error.message.startsWith('Command aborted')) return 'aborted';
  if (isReply(error)) return match(replies, error.message) ?? 'internal';
  return networkCode('code' in error ? error.code : undefined) ?? match(sayings, error.message) ?? 'internal';
}

const match = (table: readonly (readonly [RegExp, ErrorCode])[], text: string): ErrorCode | undefined =>
  table.find(([pattern]) => pattern.test(text))?.[1];

const redis: Sought = {
  broker: 'redis-streams',
  title: 'Redis',
  advice: {
    denied: 'check the credentials, the rights of the user (ACL), and the certificates',
    protocol: 'check that the port speaks the protocol of Redis, and whether it wants TLS (rediss:) or not (redis:)',
    unavailable: 'check host and port; a port that wants TLS also hangs up on a plain connection',
    timeout: 'something took the connection and did not answer; a port without TLS has no answer to TLS',
  },
};

/** What went wrong on the way to a live connection. Never says with which credentials. */
export const connectError = (error: unknown, where: string): WaybillError =>
  noConnection(redis, where, classify(error), error);
