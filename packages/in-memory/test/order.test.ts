import { describe, expect, it } from 'vitest';
import { accept, bench, drain, message, never, queue, release, send, texts } from './support.ts';

const byKey = { kind: 'queue', name: 'orders', order: 'key' } as const;
const total = { kind: 'queue', name: 'orders', order: 'total' } as const;
const keyed = (text: string) => message(text, { key: text.slice(0, 1) });

describe('order by key', () => {
  it('gives the messages of a key to one consumer at a time, and other keys to others', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders', { order: 'key' }));
    await send(link, byKey, ...['a1', 'a2', 'b1', 'a3', 'b2'].map(keyed));
    const [first, second] = [await consume(byKey), await consume(byKey)];
    const held = await first.pull(1, never);
    expect(texts(held)).toEqual(['a1']);
    expect(texts(await drain(second))).toEqual(['b1', 'b2']);
    expect(texts(await drain(first))).toEqual(['a2', 'a3']);
  });

  it('frees a key when its holder has settled all of it', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders', { order: 'key' }));
    await send(link, byKey, ...['a1', 'a2', 'a3'].map(keyed));
    const [first, second] = [await consume(byKey), await consume(byKey)];
    const held = await first.pull(2, never);
    const waiting = second.pull(10, never);
    await first.settle([accept(held[0]!)]);
    await first.settle([accept(held[1]!)]);
    expect(texts(await waiting)).toEqual(['a3']);
  });

  it('starts again at the first message when its holder is gone', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders', { order: 'key' }));
    await send(link, byKey, ...['a1', 'a2', 'a3'].map(keyed));
    const [first, second] = [await consume(byKey), await consume(byKey)];
    await first.pull(2, never);
    await first.close();
    expect(texts(await drain(second))).toEqual(['a1', 'a2', 'a3']);
  });

  it('takes back what comes after a message whose lease ended', async () => {
    const { clock, link, declare, consume } = await bench();
    await declare(queue('orders', { order: 'key' }));
    await send(link, byKey, ...['a1', 'a2', 'b1'].map(keyed));
    const receiver = await consume(byKey, { leaseMs: 1000 });
    const [a1, a2, b1] = await receiver.pull(3, never);
    await clock.advance(500);
    await receiver.extend([a2!.receipt, b1!.receipt]);
    await clock.advance(500);
    expect(await receiver.settle([accept(a1!), accept(a2!), accept(b1!)])).toEqual([
      { index: 0, outcome: 'lost' },
      { index: 1, outcome: 'lost' },
    ]);
    expect(texts(await drain(receiver))).toEqual(['a1', 'a2']);
  });

  it('hands a returned message out before those behind it', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders', { order: 'key' }));
    await send(link, byKey, ...['a1', 'a2', 'a3'].map(keyed));
    const receiver = await consume(byKey);
    const [a1] = await receiver.pull(1, never);
    await receiver.settle([release(a1!)]);
    expect(texts(await drain(receiver))).toEqual(['a1', 'a2', 'a3']);
  });

  it('holds for a thousand keys and three consumers that come and go', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders', { order: 'key' }));
    const keys = Array.from({ length: 1000 }, (_, index) => `k${index}`);
    for (let round = 0; round < 3; round += 1)
      await send(link, byKey, ...keys.map((key) => message(`${key} ${round}`, { key })));
    const seen = new Map<string, string[]>();
    const receivers = [await consume(byKey), await consume(byKey), await consume(byKey)];
    for (let turn = 0; [...seen.values()].flat().length < 3000; turn += 1) {
      if (turn > 10_000) throw new Error('messages are missing');
      const receiver = receivers[turn % 3]!;
      const held = await drain(receiver, 7);
      const done = turn % 5 === 0 ? held.slice(0, 3) : held;
      await receiver.settle(done.map(accept));
      for (const { key, id } of done) seen.set(key!, [...(seen.get(key!) ?? []), id!]);
      if (done.length === held.length) continue;
      await receiver.close();
      receivers[turn % 3] = await consume(byKey);
    }
    for (const key of keys) expect(seen.get(key)).toEqual([0, 1, 2].map((round) => `${key} ${round}`));
  });

  it('stores of each key only a beginning when a send fails in part', async () => {
    const { link, declare, consume } = await bench({ limits: { maxBytes: 10 } });
    await declare(queue('orders', { order: 'key' }));
    const tooLarge = message('a2', { key: 'a', body: Buffer.alloc(11) });
    const { unsent } = await link.send(byKey, [keyed('a1'), tooLarge, keyed('b1'), keyed('a3'), keyed('b2')]);
    expect(unsent).toMatchObject([
      { index: 1, outcome: 'rejected', error: { code: 'too-large' } },
      { index: 3, outcome: 'rejected', error: { code: 'overloaded' } },
    ]);
    expect(texts(await drain(await consume(byKey))).toSorted()).toEqual(['a1', 'b1', 'b2']);
  });
});

describe('total order', () => {
  it('has one holder for everything', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders', { order: 'total' }));
    await send(link, total, ...['a1', 'b1', 'c1'].map(keyed));
    const [first, second] = [await consume(total), await consume(total)];
    const [held] = await first.pull(1, never);
    expect(await drain(second)).toEqual([]);
    await first.settle([accept(held!)]);
    expect(texts(await drain(second))).toEqual(['b1', 'c1']);
    expect(await drain(first)).toEqual([]);
  });
});
