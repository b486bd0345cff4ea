import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** The greeting of an AMQP 0-9-1 client; a server that is ready answers with Connection.Start. */
const greeting = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

/**
 * The version that a RabbitMQ at `url` reports of itself, before any login.
 * Rejects when nothing answers in time, or when what answers is no RabbitMQ.
 */
export async function probeRabbitmq(
  url: string,
  options: { readonly timeoutMs?: number; readonly authority?: string } = {},
): Promise<string> {
  const socket = open(new URL(url), options.authority);
  try {
    return await versionFrom(socket, options.timeoutMs ?? 5_000);
  } finally {
    socket.destroy();
  }
}

function open({ protocol, hostname, port }: URL, authority: string | undefined): Socket {
  if (protocol === 'amqps:') {
    return connectTls({
      host: hostname,
      port: Number(port || 5671),
      ...(authority !== undefined && { ca: authority }),
    });
  }
  return connectTcp({ host: hostname, port: Number(port || 5672) });
}

async function versionFrom(socket: Socket, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.setTimeout(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed before a greeting came')));
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const version = versionIn(received);
      if (version !== undefined) resolve(version);
      else if (received.length > 16_384) reject(new Error('what answers is not RabbitMQ'));
    });
    socket.write(greeting);
  });
}

/** Finds the long string (`S`, 32-bit length) under the key `version` in the server properties. */
function versionIn(start: Buffer): string | undefined {
  const key = Buffer.from('\x07versionS', 'latin1');
  const at = start.indexOf(key);
  if (at < 0 || !start.includes('RabbitMQ')) return undefined;
  const length = at + key.length;
  if (start.length < length + 4) return undefined;
  const end = length + 4 + start.readUInt32BE(length);
  return start.length < end ? undefined : start.toString('utf8', length + 4, end);
}
