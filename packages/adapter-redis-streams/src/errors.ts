import { type ErrorCode, WaybillError } from '@waybill/core/driver';

/** The first word of an error of the server, or of one of our scripts. */
const replies: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^(NOAUTH|WRONGPASS|NOPERM|DENIED)\b|^ERR AUTH /, 'denied'],
  [/^(NOGROUP|NOPLACE)\b|^UNBLOCKED the stream key no longer exists|no such key|requires the key to exist/, 'not-found'],
  [/^WRONGTYPE\b/, 'mismatch'],
  [/^OOM\b|max number of clients/, 'overloaded'],
  [/^BUSY\b/, 'overloaded'],
  [/^(LOADING|MASTERDOWN|READONLY|MISCONF|NOREPLICAS|CLUSTERDOWN|MOVED|ASK|TRYAGAIN|UNBLOCKED)\b/, 'unavailable'],
  [/^CROSSSLOT\b/, 'invalid'],
  [/^(NOPROTO|ERR Protocol error)|^Protocol error/, 'protocol'],
  [/^ERR DB index is out of range|^ERR SELECT is not allowed/, 'invalid'],
  [/^ERR unknown (sub)?command/, 'unsupported'],
];

const unreachable = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
];
const untrusted =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|HOSTNAME_MISMATCH)|ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA)/;

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
  isReply(error) || (error instanceof Error && error.message === notWritten);

/** ioredis keeps the arguments of a command with its error, and those of AUTH are the password. */
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
  const code = 'code' in error && typeof error.code === 'string' ? codeOfNode(error.code) : undefined;
  return code ?? match(sayings, error.message) ?? 'internal';
}

function codeOfNode(code: string): ErrorCode | undefined {
  if (unreachable.includes(code)) return 'unavailable';
  if (untrusted.test(code)) return 'denied';
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') ? 'protocol' : undefined;
}

const match = (table: readonly (readonly [RegExp, ErrorCode])[], text: string): ErrorCode | undefined =>
  table.find(([pattern]) => pattern.test(text))?.[1];

const advice: Partial<Record<ErrorCode, string>> = {
  denied: 'check the credentials, the rights of the user (ACL), and the certificates',
  protocol: 'check that the port speaks the protocol of Redis, and whether it wants TLS (rediss:) or not (redis:)',
  unavailable: 'check host and port; a port that wants TLS also hangs up on a plain connection',
  timeout: 'something took the connection and did not answer',
};

/** What went wrong on the way to a live connection. Never says with which credentials. */
export function connectError(error: unknown, where: string): WaybillError {
  const code = classify(error);
  const text = error instanceof Error ? error.message : String(error);
  const help = advice[code];
  return new WaybillError(code, `No connection to Redis at ${where}: ${text}${help === undefined ? '' : ` (${help})`}`, {
    cause: error,
    broker: 'redis-streams',
  });
}
