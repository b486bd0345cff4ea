import { connect } from 'node:net';

/**
 * The version that a NATS server at `url` reports of itself: it greets before any login, and before TLS. Rejects when
 * nothing answers in time, or when what answers is no NATS.
 */
export async function probeNats(url: string, options: { readonly timeoutMs?: number } = {}): Promise<string> {
  const { hostname, port } = new URL(url);
  const { timeoutMs = 5_000 } = options;
  const socket = connect({ host: hostname, port: Number(port || 4222) });
  try {
    return await new Promise((resolve, reject) => {
      let received = '';
      socket.setTimeout(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
      socket.on('error', reject);
      socket.on('close', () => reject(new Error('the connection was closed before a greeting came')));
      socket.on('data', (bytes: Buffer) => {
        received += bytes.toString();
        const version = versionIn(received);
        if (version !== undefined) resolve(version);
        else if (!'INFO {'.startsWith(received.slice(0, 6))) reject(new Error('what answers is not NATS'));
      });
    });
  } finally {
    socket.destroy();
  }
}

function versionIn(greeting: string): string | undefined {
  const text = /^INFO (\{.*\})\s*\r\n/.exec(greeting)?.[1];
  return text === undefined ? undefined : (JSON.parse(text) as { version: string }).version;
}
