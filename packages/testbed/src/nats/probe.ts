import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { firstAddress } from '../addresses.ts';

export interface ProbeOptions {
  /** Default: 5,000. */
  readonly timeoutMs?: number;
  /** PEM; for `nats+tls:`. */
  readonly authority?: string;
}

/**
 * The version that the NATS server at `url`, the first if it names several, reports of itself: it greets before any
 * login. With `nats+tls:` only after TLS is agreed on. Rejects when nothing answers in time, or when what answers is no
 * NATS.
 */
export async function probeNats(url: string, { timeoutMs = 5_000, authority }: ProbeOptions = {}): Promise<string> {
  const { protocol, hostname, port } = firstAddress(url) ?? new URL(url);
  const socket = connectTcp({ host: hostname, port: Number(port || 4222) });
  const stopped = new AbortController();
  const timer = setTimeout(() => stopped.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    const version = await greetingFrom(socket, stopped.signal);
    if (protocol === 'nats+tls:') {
      const secured = connectTls({ socket, host: hostname, ...(authority !== undefined && { ca: authority }) });
      await once(secured, 'secureConnect', { signal: stopped.signal });
    }
    return version;
  } catch (error) {
    throw stopped.signal.aborted ? stopped.signal.reason : error;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function greetingFrom(socket: Socket, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    signal.addEventListener('abort', () => reject(signal.reason as Error));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed before a greeting came')));
    const read = (bytes: Buffer) => {
      received += bytes.toString();
      const version = versionIn(received);
      if (version !== undefined) {
        socket.off('data', read);
        resolve(version);
      } else if (!'INFO {'.startsWith(received.slice(0, 6))) reject(new Error('what answers is not NATS'));
    };
    socket.on('data', read);
  });
}

function versionIn(greeting: string): string | undefined {
  const text = /^INFO (\{.*\})\s*\r\n/.exec(greeting)?.[1];
  return text === undefined ? undefined : (JSON.parse(text) as { version: string }).version;
}
