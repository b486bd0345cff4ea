import { type ErrorCode, networkCode, noConnection, type Sought, WaybillError } from '@waybill/core/driver';

/** Error codes of the Kafka protocol that this adapter meets: kafka.apache.org/protocol.html#protocol_error_codes */
const protocolCodes: Readonly<Record<number, readonly [id: string, code: ErrorCode]>> = {
  1: ['OFFSET_OUT_OF_RANGE', 'mismatch'],
  2: ['CORRUPT_MESSAGE', 'unavailable'],
  3: ['UNKNOWN_TOPIC_OR_PARTITION', 'not-found'],
  5: ['LEADER_NOT_AVAILABLE', 'unavailable'],
  6: ['NOT_LEADER_OR_FOLLOWER', 'unavailable'],
  7: ['REQUEST_TIMED_OUT', 'unavailable'],
  8: ['BROKER_NOT_AVAILABLE', 'unavailable'],
  9: ['REPLICA_NOT_AVAILABLE', 'unavailable'],
  10: ['MESSAGE_TOO_LARGE', 'too-large'],
  13: ['NETWORK_EXCEPTION', 'unavailable'],
  14: ['COORDINATOR_LOAD_IN_PROGRESS', 'unavailable'],
  15: ['COORDINATOR_NOT_AVAILABLE', 'unavailable'],
  16: ['NOT_COORDINATOR', 'unavailable'],
  17: ['INVALID_TOPIC_EXCEPTION', 'invalid'],
  18: ['RECORD_LIST_TOO_LARGE', 'too-large'],
  19: ['NOT_ENOUGH_REPLICAS', 'unavailable'],
  20: ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'unavailable'],
  22: ['ILLEGAL_GENERATION', 'lease-lost'],
  23: ['INCONSISTENT_GROUP_PROTOCOL', 'mismatch'],
  24: ['INVALID_GROUP_ID', 'invalid'],
  25: ['UNKNOWN_MEMBER_ID', 'lease-lost'],
  26: ['INVALID_SESSION_TIMEOUT', 'invalid'],
  27: ['REBALANCE_IN_PROGRESS', 'unavailable'],
  29: ['TOPIC_AUTHORIZATION_FAILED', 'denied'],
  30: ['GROUP_AUTHORIZATION_FAILED', 'denied'],
  31: ['CLUSTER_AUTHORIZATION_FAILED', 'denied'],
  32: ['INVALID_TIMESTAMP', 'invalid'],
  33: ['UNSUPPORTED_SASL_MECHANISM', 'denied'],
  35: ['UNSUPPORTED_VERSION', 'unsupported'],
  36: ['TOPIC_ALREADY_EXISTS', 'mismatch'],
  37: ['INVALID_PARTITIONS', 'invalid'],
  38: ['INVALID_REPLICATION_FACTOR', 'invalid'],
  40: ['INVALID_CONFIG', 'invalid'],
  41: ['NOT_CONTROLLER', 'unavailable'],
  42: ['INVALID_REQUEST', 'protocol'],
  44: ['POLICY_VIOLATION', 'denied'],
  45: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'unavailable'],
  46: ['DUPLICATE_SEQUENCE_NUMBER', 'unavailable'],
  47: ['INVALID_PRODUCER_EPOCH', 'unavailable'],
  48: ['INVALID_TXN_STATE', 'unavailable'],
  49: ['INVALID_PRODUCER_ID_MAPPING', 'unavailable'],
  50: ['INVALID_TRANSACTION_TIMEOUT', 'invalid'],
  51: ['CONCURRENT_TRANSACTIONS', 'unavailable'],
  52: ['TRANSACTION_COORDINATOR_FENCED', 'unavailable'],
  53: ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'denied'],
  55: ['OPERATION_NOT_ATTEMPTED', 'unavailable'],
  56: ['KAFKA_STORAGE_ERROR', 'unavailable'],
  58: ['SASL_AUTHENTICATION_FAILED', 'denied'],
  59: ['UNKNOWN_PRODUCER_ID', 'unavailable'],
  68: ['NON_EMPTY_GROUP', 'mismatch'],
  69: ['GROUP_ID_NOT_FOUND', 'not-found'],
  74: ['FENCED_LEADER_EPOCH', 'unavailable'],
  75: ['UNKNOWN_LEADER_EPOCH', 'unavailable'],
  76: ['UNSUPPORTED_COMPRESSION_TYPE', 'unsupported'],
  78: ['OFFSET_NOT_AVAILABLE', 'unavailable'],
  79: ['MEMBER_ID_REQUIRED', 'unavailable'],
  81: ['GROUP_MAX_SIZE_REACHED', 'overloaded'],
  82: ['FENCED_INSTANCE_ID', 'lease-lost'],
  87: ['INVALID_RECORD', 'rejected'],
  88: ['UNSTABLE_OFFSET_COMMIT', 'unavailable'],
  89: ['THROTTLING_QUOTA_EXCEEDED', 'overloaded'],
  90: ['PRODUCER_FENCED', 'lease-lost'],
  100: ['UNKNOWN_TOPIC_ID', 'not-found'],
  110: ['FENCED_MEMBER_EPOCH', 'lease-lost'],
  113: ['STALE_MEMBER_EPOCH', 'lease-lost'],
  121: ['INVALID_RECORD_STATE', 'lease-lost'],
  122: ['SHARE_SESSION_NOT_FOUND', 'unavailable'],
  123: ['INVALID_SHARE_SESSION_EPOCH', 'unavailable'],
  124: ['FENCED_STATE_EPOCH', 'unavailable'],
  133: ['SHARE_SESSION_LIMIT_REACHED', 'overloaded'],
};

/** What the broker answered instead of doing it. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError';
  readonly code: number;
  constructor(code: number, doing: string, detail?: string | null) {
    const id = protocolCodes[code]?.[0] ?? `error ${code}`;
    super(`Kafka answered ${id} to ${doing}${detail ? `: ${detail}` : ''}`);
    this.code = code;
  }
}

/** Throws what a code of the protocol means; 0 is success. */
export function checkCode(code: number, doing: string, detail?: string | null): void {
  if (code !== 0) throw new KafkaError(code, doing, detail);
}

/** What the broker answered, if it did. */
export const codeOf = (error: unknown): number | undefined => (error instanceof KafkaError ? error.code : undefined);

/** What the client library says without a code of the broker. */
const libraryCodes: Readonly<Record<string, ErrorCode>> = {
  PLT_KFK_AUTHENTICATION: 'denied',
  PLT_KFK_NETWORK: 'unavailable',
  PLT_KFK_TIMEOUT: 'timeout',
  PLT_KFK_UNSUPPORTED_COMPRESSION: 'unsupported',
  PLT_KFK_UNEXPECTED_CORRELATION_ID: 'protocol',
  PLT_KFK_OUT_OF_BOUNDS: 'protocol',
  PLT_KFK_USER: 'protocol',
};
/** kafkajs has names for what it has no codes for. */
const libraryNames: Readonly<Record<string, ErrorCode>> = {
  KafkaJSConnectionClosedError: 'unavailable',
  KafkaJSConnectionError: 'unavailable',
  KafkaJSRequestTimeoutError: 'timeout',
};

/** Pure and total. The innermost reason that says something counts: a failed handshake is wrapped as a failed network. */
export function classify(error: unknown): ErrorCode {
  if (WaybillError.is(error)) return error.code;
  if (error instanceof KafkaError) return protocolCodes[error.code]?.[1] ?? 'internal';
  if (!(error instanceof Error)) return 'internal';
  if (error.name === 'AbortError') return 'aborted';
  const inner = error.cause === undefined ? 'internal' : classify(error.cause);
  if (inner !== 'internal') return inner;
  const code = 'code' in error && typeof error.code === 'string' ? codeOfText(error.code) : undefined;
  return code ?? libraryNames[error.name] ?? 'internal';
}

function codeOfText(code: string): ErrorCode | undefined {
  return networkCode(code) ?? libraryCodes[code];
}

/** The same call may work in a moment: a leader or coordinator moves, a connection broke. */
export const isPassing = (error: unknown): boolean =>
  ['unavailable', 'overloaded', 'timeout'].includes(classify(error));

const kafka: Sought = {
  broker: 'kafka',
  title: 'Kafka',
  advice: {
    denied: 'check the credentials, the SASL mechanism, and the certificates',
    protocol: 'check that the port speaks Kafka, and whether it wants TLS (kafka+tls:) or not (kafka:)',
    unavailable: 'check host and port; a port that wants TLS or authentication also hangs up on a plain connection',
    timeout: 'something took the connection and did not answer',
  },
};

/** What went wrong on the way to a live connection. Never says with which credentials. */
export const connectError = (error: unknown, where: string): WaybillError =>
  noConnection(kafka, where, classify(error), error);
