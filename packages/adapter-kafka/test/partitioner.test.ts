import { describe, expect, test } from 'vitest';
import { murmur2 } from '../src/partitioner.ts';

describe('murmur2', () => {
  /** The values that Kafka's own tests of its Java client expect. */
  const known: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  test.each(known)('of %j is what Java computes', (text, expected) => {
    expect(murmur2(Buffer.from(text))).toBe(expected);
  });
});
