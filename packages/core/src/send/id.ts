const atOnce = 256;
const bytesEach = 16;
const lettersEach = 36;
const random = Buffer.alloc(atOnce * bytesEach);
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
let made = '';
let at = 0;

/**
 * A random UUID (version 4): unique over processes without coordination. Made by the hundred, as one string that each is
 * cut from: one by one they cost more than the rest of a send.
 */
export function newId(): string {
  if (at === made.length) {
    made = makeMany();
    at = 0;
  }
  const id = made.slice(at, at + lettersEach);
  at += lettersEach;
  return id;
}

function makeMany(): string {
  crypto.getRandomValues(random);
  const parts: string[] = [];
  for (let from = 0; from < random.length; from += bytesEach) {
    random[from + 6] = (random[from + 6]! & 0x0f) | 0x40;
    random[from + 8] = (random[from + 8]! & 0x3f) | 0x80;
    for (let byte = 0; byte < bytesEach; byte++) {
      if (byte === 4 || byte === 6 || byte === 8 || byte === 10) parts.push('-');
      parts.push(hex[random[from + byte]!]!);
    }
  }
  return parts.join('');
}
