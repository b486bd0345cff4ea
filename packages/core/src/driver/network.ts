import { type ErrorCode, textOf, WaybillError } from '../error/error.ts';

const unreachable =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/;
const untrusted =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|HOSTNAME_MISMATCH)|ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA)/;

/** What a code of Node's own says about sockets and TLS; `undefined` for any other. */
export function networkCode(code: unknown): ErrorCode | undefined {
  if (typeof code !== 'string') return undefined;
  if (unreachable.test(code)) return 'unavailable';
  if (untrusted.test(code)) return 'denied';
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') ? 'protocol' : undefined;
}

/** A broker as connection errors speak of it. */
export interface Sought {
  /** The driver's name. */
  readonly broker: string;
  /** As people write it. */
  readonly title: string;
  /** What to do, by what went wrong. */
  readonly advice: Partial<Readonly<Record<ErrorCode, string>>>;
}

/** What went wrong on the way to a live connection. Never says with which credentials. */
export function noConnection(
  { broker, title, advice }: Sought,
  where: string,
  code: ErrorCode,
  cause: unknown,
): WaybillError {
  const help = advice[code] === undefined ? '' : ` (${advice[code]})`;
  return new WaybillError(code, `No connection to ${title} at ${where}: ${innermost(cause)}${help}`, { cause, broker });
}

/** Clients wrap what happened; the reason is at the bottom. */
const innermost = (error: unknown): string => {
  if (!(error instanceof Error)) return textOf(error);
  return error.cause instanceof Error ? innermost(error.cause) : error.message;
};
