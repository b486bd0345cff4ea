import type { Msg } from '@nats-io/transport-node';

const beginning = 'NATS/1.0';

/**
 * Each header line of a message, in order. The client's decoder makes a dozen objects of every line, which costs more
 * than all else about a message, and gives up on a name that it would not have written. So its bytes are read here;
 * only where the client should keep them in another way, it is asked.
 */
export function eachHeader(message: Msg, take: (name: string, value: string) => void): void {
  const text = textOf(message);
  if (text === undefined) {
    for (const [name, values] of message.headers ?? []) for (const value of values) take(name, value);
    return;
  }
  for (let at = text.indexOf('\r\n') + 2; at < text.length;) {
    const end = text.indexOf('\r\n', at);
    const colon = text.indexOf(':', at);
    if (end < 0 || colon < 0) return;
    if (colon < end) take(text.slice(at, colon), text.slice(colon + 1, end).trim());
    at = end + 2;
  }
}

/** What stands before the body: the status line and the header lines, each with its end. */
function textOf(message: Msg): string | undefined {
  const whole = '_rdata' in message ? message._rdata : undefined;
  if (!(whole instanceof Uint8Array)) return undefined;
  const length = whole.byteLength - message.data.byteLength;
  if (length === 0) return '';
  const text = Buffer.from(whole.buffer, whole.byteOffset, length).toString();
  return text.startsWith(beginning) ? text : undefined;
}
