import { describe, expect, test } from 'vitest';
import { partitionKeys, queueKeys, streamKeys, subscriptionKeys, topicKey } from '../src/names.ts';
import { slotOf } from '../src/slots.ts';

describe('slots', () => {
  // From the cluster specification, and `CLUSTER KEYSLOT` of a live server.
  test.each([
    ['123456789', 0x31c3],
    ['foo', 12_182],
    ['{user1000}.following', slotOf('user1000')],
    ['foo{}{bar}', 8_363],
    ['foo{{bar}}zap', slotOf('{bar')],
    ['foo{bar}{zap}', slotOf('bar')],
  ])('%s', (key, slot) => {
    expect(slotOf(key)).toBe(slot);
  });
});

describe('names', () => {
  test.each(['orders', 'a{b}c', 'a}b', '{x', 'größe 1:2*', '{}', '{{}}'])('all keys of %j share a slot', (name) => {
    const queue = queueKeys('waybill:', { name });
    const stream = streamKeys('waybill:', { name });
    const topic = topicKey('waybill:', name);
    const subscription = subscriptionKeys(topic, 'durable:mail');
    expect(new Set([queue.stream, `${queue.side}:later`, `${queue.side}:sent:1`].map(slotOf)).size).toBe(1);
    const partition = partitionKeys(stream, 4, 3);
    expect(new Set([partition.stream, `${partition.side}:meta`, `${partition.side}:sent:1`].map(slotOf)).size).toBe(1);
    expect(new Set([topic, subscription.stream, `${subscription.side}:waiting`].map(slotOf)).size).toBe(1);
    expect(new Set([queue.stream, stream.stream, topic]).size).toBe(3);
  });

  test.each(['orders', 'a{b}c', '{b}'])('a key of the user, %j, and what stands beside it share a slot', (key) => {
    const { stream, side } = queueKeys('waybill:', { name: 'orders', native: { key } });
    expect(stream).toBe(key);
    expect(slotOf(`${side}:later`)).toBe(slotOf(key));
    expect(side === key && key === 'orders').toBe(false);
  });

  test.each(['}', '}x', 'x'.repeat(1025)])('%j makes no hash tag and is refused', (name) => {
    expect(() => queueKeys('waybill:', { name })).toThrow(/cannot be used on Redis/);
  });

  test('what is no option of a place is refused by name', () => {
    expect(() => queueKeys('', { name: 'orders', native: { kee: 'x' } })).toThrow(/unknown redis-streams option "kee"/);
    expect(() => queueKeys('', { name: 'orders', native: { key: 7 } })).toThrow(/"key" with the value 7/);
  });
});
