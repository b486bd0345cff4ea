import { crc32 } from 'node:zlib';

/** CRC-32 of a body as eight hexadecimal digits; `null` (a tombstone) is no body, which differs from an empty one. */
export function checksum(body: Uint8Array | string | null): string {
  return body === null ? 'none' : crc32(body).toString(16).padStart(8, '0');
}

/** The order of headers does not count, their exact names and values do. */
export function checksumOfHeaders(headers: Readonly<Record<string, string>>): string {
  const entries = Object.entries(headers).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return checksum(JSON.stringify(entries));
}
