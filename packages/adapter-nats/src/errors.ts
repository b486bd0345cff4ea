import { JetStreamApiError } from '@nats-io/jetstream';
import { type ErrorCode, networkCode, noConnection, type Sought, WaybillError } from '@waybill/core/driver';

/** `err_code` of the JetStream API, from the server's errors.json. */
const apiCodes: Readonly<Record<number, ErrorCode>> = {
  10002: 'overloaded',
  10003: 'invalid',
  10008: 'unavailable',
  10009: 'unavailable',
  10014: 'not-found',
  10023: 'overloaded',
  10028: 'overloaded',
  10037: 'not-found',
  10039: 'unsupported',
  10047: 'overloaded',
  10052: 'invalid',
  10054: 'too-large',
  10058: 'mismatch',
  10059: 'not-found',
  10060: 'rejected',
  10065: 'mismatch',
  10070: 'rejected',
  10071: 'rejected',
  10076: 'unsupported',
  10077: 'overloaded',
  10097: 'too-large',
  10099: 'mismatch',
  10100: 'mismatch',
  10118: 'unavailable',
  10148: 'mismatch',
};

/** Where there is no code of JetStream's: the first digits, as in HTTP. */
const statuses: Readonly<Record<number, ErrorCode>> = {
  400: 'rejected',
  403: 'denied',
  404: 'not-found',
  408: 'timeout',
  429: 'overloaded',
  503: 'unavailable',
};

/** Errors of the client, by their names. */
const named: Readonly<Record<string, ErrorCode>> = {
  AuthorizationError: 'denied',
  UserAuthenticationExpiredError: 'denied',
  PermissionViolationError: 'denied',
  ClosedConnectionError: 'unavailable',
  DrainingConnectionError: 'unavailable',
  ConnectionError: 'unavailable',
  NoRespondersError: 'unavailable',
  JetStreamNotEnabled: 'unavailable',
  TimeoutError: 'timeout',
  ProtocolError: 'protocol',
  InvalidArgumentError: 'invalid',
  InvalidSubjectError: 'invalid',
  InvalidNameError: 'invalid',
  StreamNotFoundError: 'not-found',
  ConsumerNotFoundError: 'not-found',
  AbortError: 'aborted',
};

/** What the client and the server say without a code. */
const sayings: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /authorization violation|authentication (timeout|expired)|permissions violation|invalid nkey|nkey.*(seed|invalid)/i,
    'denied',
  ],
  [/max_payload|maximum payload/i, 'too-large'],
  [/does not support 'tls'|tls.*not available|unexpected response from server|Unexpected token/i, 'protocol'],
  [/maximum connections exceeded|slow consumer/i, 'overloaded'],
  [/connection (refused|disconnected|closed)|stale connection|server shutdown/i, 'unavailable'],
];

/** Pure and total. */
export function classify(error: unknown): ErrorCode {
  if (WaybillError.is(error)) return error.code;
  if (error instanceof JetStreamApiError) return apiCodes[error.code] ?? statuses[error.status] ?? 'internal';
  if (!(error instanceof Error)) return 'internal';
  const code = 'code' in error ? error.code : undefined;
  return (
    networkCode(code) ??
    (error.name === 'RequestError' && error.cause !== undefined ? classify(error.cause) : undefined) ??
    sayings.find(([pattern]) => pattern.test(error.message))?.[1] ??
    named[error.name] ??
    (typeof code === 'number' ? statuses[code] : undefined) ??
    'internal'
  );
}

const sought: Sought = {
  broker: 'nats',
  title: 'NATS',
  advice: {
    denied: 'check the credentials, the permissions of the user, and the certificates',
    protocol: 'check that the port speaks the protocol of NATS, and whether it wants TLS (nats+tls:) or not (nats:)',
    unavailable: 'check host and port',
    timeout: 'something took the connection and did not answer',
  },
};

/** What went wrong on the way to a live connection. */
export const connectError = (error: unknown, where: string): WaybillError =>
  noConnection(sought, where, classify(error), error);
