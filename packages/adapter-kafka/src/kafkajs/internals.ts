import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { WaybillError } from '@waybill/core/driver';
import type { KafkaJsConnection } from '../wire.ts';

/** The one version whose inside is known here; what is used of it is no public interface. */
const knownVersion = '2.2.4';

/** Writes what the protocol is made of. */
export interface Encoder {
  readonly buffer: Buffer;
  writeInt8(value: number): this;
  writeInt16(value: number): this;
  writeInt32(value: number): this;
  writeInt64(value: bigint): this;
  writeBoolean(value: boolean): this;
  writeString(value: string | null): this;
  writeBytes(value: Buffer): this;
  writeUVarInt(value: number): this;
  writeUVarIntString(value: string | null): this;
  writeArray(items: readonly (Encoder | string | number)[]): this;
}
export interface Decoder {
  readInt8(): number;
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readString(): string | null;
  readBytes(): Buffer | null;
  readBytes(length: number): Buffer;
  readArray<T>(read: (decoder: Decoder) => T): T[];
  readUVarInt(): number;
  readUVarIntString(): string | null;
}

interface Request {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  encode(): Promise<Encoder>;
}
export interface Exchange<Answer> {
  readonly request: Request;
  readonly response: { decode(bytes: Buffer): Promise<Answer> };
}
/** Of one request, by version. */
export interface Definition {
  protocol(which: { readonly version: number }): (args: object) => Exchange<unknown>;
}

export interface SocketOptions {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions | null;
  readonly onConnect: () => void;
}
export interface ConnectionSettings {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly ssl: ConnectionOptions | null;
  readonly sasl: { readonly mechanism: string; readonly username: string; readonly password: string } | null;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly socketFactory: (options: SocketOptions) => Socket;
  readonly logger: Logger;
}
export interface Logger {
  namespace(name: string): Logger;
  debug(): void;
  info(): void;
  warn(): void;
  error(): void;
}
type Versions = Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;

export interface InternalConnection extends KafkaJsConnection {
  readonly requestQueue: RequestQueue;
  connect(): Promise<unknown>;
  authenticate(): Promise<void>;
  setVersions(versions: Versions): void;
  setSupportAuthenticationProtocol(isSupported: boolean): void;
  send<Answer, Parsed>(exchange: {
    readonly request: Request;
    readonly response: { decode(bytes: Buffer): Promise<Answer>; parse(answer: Answer): Parsed };
  }): Promise<Parsed>;
}
interface RequestQueue {
  /** What is open is answered by this error. */
  rejectAll(error: Error): void;
  scheduleCheckPendingRequests(): void;
}

const require = createRequire(import.meta.url);
const found = (require('kafkajs/package.json') as { readonly version: string }).version;
if (found !== knownVersion)
  throw new WaybillError(
    'unsupported',
    `@waybill/adapter-kafka works with kafkajs ${knownVersion} and no other, this is ${found}; run: npm install kafkajs@${knownVersion}`,
  );

export const Connection = require('kafkajs/src/network/connection.js') as new (
  settings: ConnectionSettings,
) => InternalConnection;
export const Encoder = require('kafkajs/src/protocol/encoder.js') as new () => Encoder;
export const Decoder = require('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => Decoder;
export const { requests } = require('kafkajs/src/protocol/requests/index.js') as {
  readonly requests: Readonly<Record<string, Definition | undefined>>;
};
export const { KafkaJSRequestTimeoutError } = require('kafkajs/src/errors.js') as {
  readonly KafkaJSRequestTimeoutError: new (message: string) => Error;
};
