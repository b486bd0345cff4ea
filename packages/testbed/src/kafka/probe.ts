import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { firstAddress } from '../addresses.ts';
import { Answer, compactString, request } from './wire.ts';

export interface ProbeOptions {
  /** Default: 5,000. */
  readonly timeoutMs?: number;
  /** PEM; for `kafka+tls:`. */
  readonly authority?: string;
}

/**
 * The line of the Kafka at `url`, which may name several brokers; the first is asked. A broker does not tell its
 * version, but which level of `metadata.version` it supports, and each line has its own. It answers before any login.
 */
export async function probeKafka(url: string, options: ProbeOptions = {}): Promise<string> {
  const body = Buffer.concat([compactString('waybill-testbed'), compactString('0'), Buffer.from([0])]);
  const answer = await ask(url, request(18, 3, body), options);
  const code = answer.int16();
  if (code !== 0) throw new Error(`what answers is not Kafka, or refused ApiVersions with error code ${code}`);
  return lineOf(metadataLevel(answer));
}

/** Brokers that take part in the cluster now, as the one at `url` knows them. */
export async function knownBrokers(url: string, options: ProbeOptions = {}): Promise<readonly number[]> {
  // No topics; create none; no lists of permitted operations; no tagged fields.
  const answer = await ask(url, request(3, 12, Buffer.from([1, 0, 0, 0])), options);
  answer.tagged();
  answer.int32();
  return answer.array(() => {
    const id = answer.int32();
    answer.compactString();
    answer.int32();
    answer.compactString();
    answer.tagged();
    return id;
  });
}

/** Levels of org.apache.kafka.server.common.MetadataVersion with which lines became ready for production. */
const lines: Readonly<Record<number, string>> = { 25: '4.0', 27: '4.1', 29: '4.2', 30: '4.3' };

function lineOf(level: number | undefined): string {
  if (level === undefined) return 'older than 3.3';
  return lines[level] ?? `with metadata.version ${level}`;
}

function metadataLevel(answer: Answer): number | undefined {
  answer.array(() => [answer.int16(), answer.int16(), answer.int16(), answer.tagged()]);
  answer.int32();
  const supported = answer.tagged().get(0);
  const features = supported?.array(() => {
    const [name, , level] = [supported.compactString(), supported.int16(), supported.int16()];
    supported.tagged();
    return { name, level };
  });
  return features?.find(({ name }) => name === 'metadata.version')?.level;
}

async function ask(url: string, message: Buffer, options: ProbeOptions): Promise<Answer> {
  const address = firstAddress(url);
  if (address === undefined) throw new TypeError(`${url} is no URL`);
  const socket = open(address, options.authority);
  try {
    const answer = new Answer(await answerFrom(socket, message, options.timeoutMs ?? 5_000));
    answer.int32();
    return answer;
  } finally {
    socket.destroy();
  }
}

function open({ protocol, hostname, port }: URL, authority: string | undefined): Socket {
  const address = { host: hostname, port: Number(port || 9092) };
  if (protocol !== 'kafka+tls:') return connectTcp(address);
  return connectTls({ ...address, ...(authority !== undefined && { ca: authority }) });
}

async function answerFrom(socket: Socket, message: Buffer, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.setTimeout(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed before an answer came')));
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 4) return;
      const size = received.readInt32BE();
      if (size < 0 || size > 1_000_000) reject(new Error('what answers is not Kafka'));
      else if (received.length >= 4 + size) resolve(received.subarray(4, 4 + size));
    });
    socket.write(message);
  });
}
