const atOnce = 256;
const bytesEach = 16;
const lettersEach = 36;
const random = Buffer.alloc(atOnce * bytesEach);
const letters = Buffer.alloc(atOnce * lettersEach, '-');
const digits = Buffer.from('0123456789abcdef');
/** Where the two digits of each byte stand in a UUID. */
const places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const;
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

/** Written into one buffer, because joining pieces of a string costs several times as much memory as the ids. */
function makeMany(): string {
  crypto.getRandomValues(random);
  for (let id = 0; id < atOnce; id++) {
    const bytes = random.subarray(id * bytesEach, (id + 1) * bytesEach);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    for (let byte = 0; byte < bytesEach; byte++) {
      const place = id * lettersEach + places[byte]!;
      letters[place] = digits[bytes[byte]! >> 4]!;
      letters[place + 1] = digits[bytes[byte]! & 15]!;
    }
  }
  return letters.toString('latin1');
}
