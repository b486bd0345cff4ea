import { type ErrorCode, networkCode, noConnection, type Sought, WaybillError } from '@waybill/core/driver';

/** Reply codes of AMQP 0-9-1, as RabbitMQ uses them. */
const replyCodes: Readonly<Record<number, ErrorCode>> = {
  311: 'too-large',
  312: 'unroutable',
  313: 'unroutable',
  320: 'unavailable',
  402: 'denied',
  403: 'denied',
  404: 'not-found',
  405: 'denied',
  406: 'mismatch',
  501: 'protocol',
  502: 'protocol',
  503: 'protocol',
  504: 'protocol',
  505: 'protocol',
  506: 'overloaded',
  530: 'denied',
  540: 'unsupported',
  541: 'unavailable',
};

/** Where the code says less than the text. A queue is also `not found` while its node starts. */
const texts: readonly (readonly [RegExp, ErrorCode])[] = [
  [/down or inaccessible|does not have a running replica/, 'unavailable'],
  [/message size \d+/, 'too-large'],
  [/inequivalent arg/, 'mismatch'],
  [/delivery acknowledgement .* timed out/, 'lease-lost'],
  [/invalid (message|arg)/, 'invalid'],
];

/** What amqplib says without a code. */
const sayings: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^Handshake terminated by server: (403|530)|SASL mechanism/, 'denied'],
  // The reason is not in the text: RabbitMQ closes so when the virtual host is missing or closed to this user.
  [/^Expected ConnectionOpenOk; got <ConnectionClose/, 'denied'],
  [/^Socket closed abruptly/, 'unavailable'],
  [
    /^Heartbeat timeout|^Unexpected close|^Connection clos|^[Cc]hannel (clos|ended)|no reply will be forthcoming/,
    'unavailable',
  ],
  [/maxFrameSize|Invalid frame|Unknown frame type|^Expected .*; got|^Frame on|^Unexpected frame/, 'protocol'],
];

/** Pure and total. */
export function classify(error: unknown): ErrorCode {
  if (WaybillError.is(error)) return error.code;
  if (!(error instanceof Error)) return 'internal';
  if (error.name === 'AbortError') return 'aborted';
  const code = 'code' in error ? error.code : undefined;
  if (typeof code === 'number') return match(texts, error.message) ?? replyCodes[code] ?? 'internal';
  return networkCode(code) ?? match(sayings, error.message) ?? 'internal';
}

const match = (table: readonly (readonly [RegExp, ErrorCode])[], text: string): ErrorCode | undefined =>
  table.find(([pattern]) => pattern.test(text))?.[1];

const sought: Sought = {
  broker: 'rabbitmq',
  title: 'RabbitMQ',
  advice: {
    denied: 'check the credentials, the rights on the virtual host, and the certificates',
    protocol: 'check that the port speaks AMQP 0-9-1, and whether it wants TLS (amqps:) or not (amqp:)',
    unavailable: 'check host and port; a port that wants TLS also hangs up on a plain connection',
    timeout: 'something took the connection and did not answer',
  },
};

/** What went wrong on the way to a live connection. */
export const connectError = (error: unknown, where: string): WaybillError =>
  noConnection(sought, where, classify(error), error);
