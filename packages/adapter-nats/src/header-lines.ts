import type { Msg, MsgHdrs } from '@nats-io/transport-node';

const beginning = 'NATS/1.0';

/**
 * What stands before the body: a status line and the header lines, each with its end. The client's own decoder makes a
 * dozen objects of every line, which costs more than all else about a message, and gives up on a name that it would not
 * have written itself. So the bytes that it keeps are read; only where it should keep them in another way, it is asked.
 */
export function linesOf(message: Msg, body: Uint8Array): string {
  const whole = '_rdata' in message ? message._rdata : undefined;
  if (!(whole instanceof Uint8Array)) return written(message.headers);
  const length = whole.byteLength - body.byteLength;
  if (length === 0) return '';
  const text = Buffer.from(whole.buffer, whole.byteOffset, length).toString();
  return text.startsWith(beginning) ? text : written(message.headers);
}

function written(headers: MsgHdrs | undefined): string {
  let text = beginning;
  for (const [name, values] of headers ?? []) for (const value of values) text += `\r\n${name}: ${value}`;
  return `${text}\r\n\r\n`;
}

/** What a line of that header begins with. */
export const lineOf = (name: string): string => `\r\n${name}:`;

/** The value of the first line that begins so. */
export function valueIn(lines: string, line: string): string | undefined {
  const at = lines.indexOf(line);
  if (at < 0) return undefined;
  const from = at + line.length;
  return lines.slice(from, lines.indexOf('\r\n', from)).trim();
}

/** Each header line, in order. */
export function eachHeader(lines: string, take: (name: string, value: string) => void): void {
  for (let at = lines.indexOf('\r\n') + 2; at < lines.length;) {
    const end = lines.indexOf('\r\n', at);
    const colon = lines.indexOf(':', at);
    if (end < 0 || colon < 0) return;
    if (colon < end) take(lines.slice(at, colon), lines.slice(colon + 1, end).trim());
    at = end + 2;
  }
}
