const table = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

/** CRC16 (XMODEM) of the hash tag, or of the whole key without one, modulo 16384: as the cluster specification has it. */
export function slotOf(key: string): number {
  const tag = /\{([^}]+)\}/.exec(key);
  const isFirst = tag !== null && key.indexOf('{') === tag.index;
  let crc = 0;
  for (const byte of Buffer.from(isFirst ? tag[1]! : key))
    crc = ((crc << 8) & 0xffff) ^ table[((crc >> 8) ^ byte) & 0xff]!;
  return crc % 16_384;
}
