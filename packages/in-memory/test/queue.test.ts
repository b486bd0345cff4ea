import { describe, expect, it } from 'vitest';
import { bench, connect, consume, drain, message, never, queue, send, texts } from './support.ts';

const orders = { kind: 'queue', name: 'orders', order: 'none' } as const;

describe('a queue', () => {
  it('hands out in the order of sending, and forgets what is accepted', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a', 'b', 'c');
    const receiver = await consume(orders);
    const messages = await receiver.pull(2, never);
    expect(texts(messages)).toEqual(['a', 'b']);
    expect(messages[0]).toMatchObject({ id: 'a', attempt: 1, redelivered: false, contentType: 'text/plain' });
    expect(await receiver.settle(messages.map(({ receipt }) => ({ receipt, outcome: 'accept' })))).toEqual([]);
    expect(await link.admin!.depth(orders)).toEqual({ ready: 1, inFlight: 0, delayed: 0 });
    expect(texts(await receiver.pull(10, never))).toEqual(['c']);
  });

  it('wakes a waiting pull once with all that a batch brought', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    const receiver = await consume(orders);
    const pulled = receiver.pull(10, never);
    await send(link, orders, 'a', 'b', 'c');
    expect(texts(await pulled)).toEqual(['a', 'b', 'c']);
  });

  it('does not exist before it was declared', async () => {
    const { link } = await bench();
    expect((await link.send(orders, [message('a')])).unsent).toMatchObject([
      { index: 0, outcome: 'rejected', error: { code: 'not-found' } },
    ]);
    await expect(consume(link, orders)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('gives what a lost link held to others, in its old place, and the old receipts settle nothing', async () => {
    const { broker, link, declare, consume: consumeHere } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a', 'b', 'c');
    const lost = await consumeHere(orders);
    const held = await lost.pull(2, never);
    const other = await connect(broker);
    await link.close();
    await expect(link.closed).resolves.toBeUndefined();
    const receiver = await consume(other, orders);
    const again = await drain(receiver);
    expect(texts(again)).toEqual(['a', 'b', 'c']);
    expect(again.map(({ attempt }) => attempt)).toEqual([2, 2, 1]);
    expect(await lost.settle([{ receipt: held[0]!.receipt, outcome: 'accept' }])).toEqual([
      { index: 0, outcome: 'lost' },
    ]);
    expect(await other.admin!.depth(orders)).toEqual({ ready: 0, inFlight: 3, delayed: 0 });
  });
});
