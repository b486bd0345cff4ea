import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface ProbeOptions {
  /** Default: 5,000. */
  readonly timeoutMs?: number;
  /** PEM; for `rediss:`. */
  readonly authority?: string;
}

/**
 * The version that a Redis at `url` reports of itself; a Valkey's begins with `valkey-`, because it also calls itself a
 * Redis. Rejects when nothing answers in time, when the server still loads its data, or when it is no Redis.
 */
export async function probeRedis(url: string, options: ProbeOptions = {}): Promise<string> {
  const parsed = new URL(url);
  const socket = open(parsed, options.authority);
  try {
    return await versionFrom(socket, greetingFor(parsed), options.timeoutMs ?? 5_000);
  } finally {
    socket.destroy();
  }
}

function open({ protocol, hostname, port }: URL, authority: string | undefined): Socket {
  const address = { host: hostname, port: Number(port || 6379) };
  if (protocol !== 'rediss:') return connectTcp(address);
  return connectTls({ ...address, ...(authority !== undefined && { ca: authority }) });
}

/** INFO is answered while data is still loaded, PING is not. */
function greetingFor({ username, password }: URL): string {
  const [name, secret] = [decodeURIComponent(username), decodeURIComponent(password)];
  const login = secret === '' ? [] : [['AUTH', ...(name === '' ? [] : [name]), secret]];
  return [...login, ['PING'], ['INFO', 'server']].map(command).join('');
}

/** A command in the wire protocol (RESP). */
function command(words: readonly string[]): string {
  return [`*${words.length}`, ...words.flatMap((word) => [`$${Buffer.byteLength(word)}`, word]), ''].join('\r\n');
}

async function versionFrom(socket: Socket, greeting: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    socket.setTimeout(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed before an answer came')));
    socket.on('data', (bytes: Buffer) => {
      received += bytes.toString('latin1');
      const refusal = /^-(.*)\r\n/m.exec(received)?.[1];
      const version = versionIn(received);
      if (refusal !== undefined) reject(new Error(refusal));
      else if (version !== undefined) resolve(version);
      else if (received.length > 16_384) reject(new Error('what answers is not Redis'));
    });
    socket.write(greeting);
  });
}

function versionIn(answer: string): string | undefined {
  if (!answer.includes('+PONG\r\n') || !answer.includes('\r\nos:')) return undefined;
  const valkey = /^valkey_version:(\S+)/m.exec(answer)?.[1];
  return valkey === undefined ? /^redis_version:(\S+)/m.exec(answer)?.[1] : `valkey-${valkey}`;
}
