import type { Outgoing } from '@waybill/core/driver';
import { WaybillError } from '@waybill/core/driver';
import type { KafkaMessageOptions } from './native.ts';

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/** MurmurHash2 as the Java client computes it, so that every client finds a key in the same partition. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let hash = seed ^ length;
  const whole = length - (length % 4);
  for (let at = 0; at < whole; at += 4) {
    let word = byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24);
    word = Math.imul(word, multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  if (length > whole) {
    for (let at = length - 1; at >= whole; at--) hash ^= byte(bytes, at) << ((at - whole) * 8);
    hash = Math.imul(hash, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}
const byte = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0;

/** By key as the Java client does; without one in turn. */
export function partitionOf(message: Outgoing, key: Uint8Array | null, count: number, turn: number): number {
  const asked = (message.native as KafkaMessageOptions | undefined)?.partition;
  if (asked !== undefined) {
    if (Number.isInteger(asked) && asked >= 0 && asked < count) return asked;
    throw new WaybillError('invalid', `There is no partition ${asked}; there are ${count}`);
  }
  return key === null ? turn % count : (murmur2(key) & 0x7fffffff) % count;
}
