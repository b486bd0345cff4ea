import { describe, expect, it } from 'vitest';
import {
  accept,
  bench,
  connect,
  consume as consumeOn,
  drain,
  message,
  never,
  queue,
  reject,
  release,
  send,
  texts,
} from './support.ts';

const orders = { kind: 'queue', name: 'orders', order: 'none' } as const;
const dead = { kind: 'queue', name: 'orders.dead', order: 'none' } as const;

describe('a queue', () => {
  it('hands out in the order of sending, and forgets what is accepted', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a', 'b', 'c');
    const receiver = await consume(orders);
    const messages = await receiver.pull(2, never);
    expect(texts(messages)).toEqual(['a', 'b']);
    expect(messages[0]).toMatchObject({ id: 'a', attempt: 1, redelivered: false, contentType: 'text/plain' });
    expect(await receiver.settle(messages.map(accept))).toEqual([]);
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

  it('shares what comes among the consumers that wait', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    const receivers = await Promise.all([consume(orders), consume(orders), consume(orders)]);
    const pulls = receivers.map((receiver) => receiver.pull(100, never));
    await send(link, orders, 'a', 'b', 'c', 'd', 'e', 'f');
    expect((await Promise.all(pulls)).map(texts)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
    ]);
  });

  it('passes on the wake of a pull that was aborted in the same turn', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    const [first, second] = [await consume(orders), await consume(orders)];
    const control = new AbortController();
    const pulls = [first.pull(10, control.signal), second.pull(10, never)];
    const sent = send(link, orders, 'a');
    control.abort();
    await sent;
    expect((await Promise.all(pulls)).map(texts)).toEqual([[], ['a']]);
  });

  it('does not exist before it was declared', async () => {
    const { link } = await bench();
    expect((await link.send(orders, [message('a')])).unsent).toMatchObject([
      { index: 0, outcome: 'rejected', error: { code: 'not-found' } },
    ]);
    await expect(consumeOn(link, orders)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('hands over only so many at a time, and the next after a settlement', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a', 'b', 'c');
    const receiver = await consume(orders, { maxInFlight: 2 });
    const first = await receiver.pull(10, never);
    expect(texts(first)).toEqual(['a', 'b']);
    const next = receiver.pull(10, never);
    await receiver.settle([accept(first[1]!)]);
    expect(texts(await next)).toEqual(['c']);
  });

  it('gives what a lost link held to others, in its old place, and the old receipts settle nothing', async () => {
    const { broker, link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a', 'b', 'c');
    const lost = await consume(orders);
    const held = await lost.pull(2, never);
    const other = await connect(broker);
    await link.close();
    await expect(link.closed).resolves.toBeUndefined();
    const receiver = await consumeOn(other, orders);
    const again = await drain(receiver);
    expect(texts(again)).toEqual(['a', 'b', 'c']);
    expect(again.map(({ attempt }) => attempt)).toEqual([2, 2, 1]);
    expect(again.map(({ redelivered }) => redelivered)).toEqual([true, true, false]);
    expect(await lost.settle([accept(held[0]!)])).toEqual([{ index: 0, outcome: 'lost' }]);
    expect(await other.admin!.depth(orders)).toEqual({ ready: 0, inFlight: 3, delayed: 0 });
  });

  it('settles nothing on a receipt of another receiver, or twice', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a');
    const [receiver, stranger] = [await consume(orders), await consume(orders)];
    const [held] = await receiver.pull(1, never);
    expect(await stranger.settle([accept(held!)])).toEqual([{ index: 0, outcome: 'lost' }]);
    expect(await receiver.settle([accept(held!), accept(held!)])).toEqual([{ index: 1, outcome: 'lost' }]);
  });

  it('forgets a message before an at-most-once consumer has it', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a');
    const receiver = await consume(orders, { delivery: 'at-most-once' });
    expect(texts(await receiver.pull(10, never))).toEqual(['a']);
    await receiver.close();
    expect(await link.admin!.depth(orders)).toEqual({ ready: 0, inFlight: 0, delayed: 0 });
  });
});

describe('bodies and headers', () => {
  it('are those of the send, whatever the sender does to them afterwards', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    const body = Buffer.from('as sent');
    const headers = { tenant: 'a' };
    const sent = link.send(orders, [message('1', { body, headers })]);
    body.fill(0);
    headers.tenant = 'changed';
    await sent;
    const [received] = await (await consume(orders)).pull(1, never);
    expect(String(received!.body)).toBe('as sent');
    expect(received!.headers).toEqual({ tenant: 'a' });
  });

  it('are the same on the next attempt, whatever a handler did to them', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, message('1', { body: Buffer.from('as sent'), headers: { tenant: 'a' } }));
    const receiver = await consume(orders);
    const [first] = await receiver.pull(1, never);
    Buffer.from(first!.body!.buffer, first!.body!.byteOffset, first!.body!.byteLength).fill(0);
    Object.assign(first!.headers, { tenant: 'changed' });
    await receiver.settle([release(first!)]);
    const [second] = await receiver.pull(1, never);
    expect(String(second!.body)).toBe('as sent');
    expect(second!.headers).toEqual({ tenant: 'a' });
  });

  it('keep every field of the message', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    const fields = {
      key: 'k',
      routingKey: 'r',
      replyTo: 'reply/1',
      correlationId: 'c',
      sentAt: 17,
      contentType: 'text/x',
      priority: 4,
    };
    await send(link, orders, message('1', fields));
    expect((await (await consume(orders)).pull(1, never))[0]).toMatchObject(fields);
  });
});

describe('a lease', () => {
  it('gives a message to others when it ends, and its receipt is lost', async () => {
    const { clock, link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a');
    const [slow, other] = [await consume(orders, { leaseMs: 1000 }), await consume(orders)];
    const [held] = await slow.pull(1, never);
    await clock.advance(999);
    expect(await drain(other)).toEqual([]);
    await clock.advance(1);
    const [again] = await drain(other);
    expect(again).toMatchObject({ id: 'a', attempt: 2, redelivered: true });
    expect(await slow.settle([accept(held!)])).toEqual([{ index: 0, outcome: 'lost' }]);
    expect(await other.settle([accept(again!)])).toEqual([]);
  });

  it('lasts as long as it is extended, and others end meanwhile', async () => {
    const { clock, link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a', 'b');
    const receiver = await consume(orders, { leaseMs: 1000 });
    const [a, b] = await receiver.pull(2, never);
    for (let round = 0; round < 4; round += 1) {
      await clock.advance(600);
      expect(await receiver.extend([a!.receipt])).toEqual([]);
    }
    expect(await receiver.extend([b!.receipt])).toEqual([{ index: 0, outcome: 'lost' }]);
    expect(await receiver.settle([accept(a!), accept(b!)])).toEqual([{ index: 1, outcome: 'lost' }]);
  });

  it('does not exist in message style', async () => {
    const { clock, broker, link, declare, consume } = await bench({ style: 'message' });
    expect(broker.driver().capabilities.queue.style).toBe('message');
    await declare(queue('orders'));
    await send(link, orders, 'a');
    const receiver = await consume(orders, { leaseMs: 1000 });
    expect(receiver.style).toBe('message');
    const [held] = await receiver.pull(1, never);
    await clock.advance(86_400_000);
    expect(await receiver.settle([accept(held!)])).toEqual([]);
  });
});

describe('giving back', () => {
  it('keeps the place, and counts only runs', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a', 'b', 'c');
    const receiver = await consume(orders);
    const [a, b] = await receiver.pull(2, never);
    await receiver.settle([release(b!, 0, true), release(a!, 0, false)]);
    const again = await receiver.pull(10, never);
    expect(texts(again)).toEqual(['a', 'b', 'c']);
    expect(again.map(({ attempt }) => attempt)).toEqual([1, 2, 1]);
  });

  it('for a time lets others pass, then comes in its old place', async () => {
    const { clock, link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a', 'b', 'c');
    const receiver = await consume(orders);
    const [a] = await receiver.pull(1, never);
    await receiver.settle([release(a!, 500)]);
    expect(await link.admin!.depth(orders)).toEqual({ ready: 2, inFlight: 0, delayed: 1 });
    await clock.advance(499);
    expect(texts(await receiver.pull(1, never))).toEqual(['b']);
    await clock.advance(1);
    expect(texts(await receiver.pull(10, never))).toEqual(['a', 'c']);
  });

  it('for longer than the broker keeps time fails, and the message stays held', async () => {
    const { link, declare, consume } = await bench({ limits: { maxReleaseDelayMs: 1000 } });
    await declare(queue('orders'));
    await send(link, orders, 'a');
    const receiver = await consume(orders);
    const [a] = await receiver.pull(1, never);
    expect(await receiver.settle([release(a!, 1001)])).toMatchObject([
      { index: 0, outcome: 'failed', error: { code: 'invalid' } },
    ]);
    expect(await receiver.settle([accept(a!)])).toEqual([]);
  });

  it('of a rejected message puts it with its cause where the queue says, and nowhere else', async () => {
    const { clock, link, declare, consume } = await bench();
    await declare(queue('orders.dead'), queue('orders', { deadLetter: 'orders.dead' }), queue('bare'));
    await send(link, orders, message('a', { headers: { tenant: 'x' }, key: 'k' }));
    const receiver = await consume(orders);
    await receiver.settle([reject((await receiver.pull(1, never))[0]!, 'no such product')]);
    const [letter] = await (await consume(dead)).pull(1, never);
    expect(letter).toMatchObject({ id: 'a', key: 'k', attempt: 1 });
    expect(letter!.headers).toEqual({
      tenant: 'x',
      'waybill-dead-reason': 'no such product',
      'waybill-dead-error': 'no such product',
      'waybill-dead-from': 'orders',
      'waybill-dead-attempts': '1',
      'waybill-dead-at': String(clock.now()),
    });
    const bare = { ...orders, name: 'bare' } as const;
    await send(link, bare, 'b');
    const other = await consume(bare);
    await other.settle([reject((await other.pull(1, never))[0]!, 'no')]);
    expect(await link.admin!.depth(bare)).toEqual({ ready: 0, inFlight: 0, delayed: 0 });
  });
});

describe('delay, expiry, priority', () => {
  it('delays by the clock of the broker, in the order of due times', async () => {
    const { clock, link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(
      link,
      orders,
      message('3s', { delayMs: 3000 }),
      message('1s', { delayMs: 1000 }),
      message('2s', { delayMs: 2000 }),
      'now',
    );
    const receiver = await consume(orders);
    expect(texts(await drain(receiver))).toEqual(['now']);
    await clock.advance(999);
    expect(await drain(receiver)).toEqual([]);
    await clock.advance(1);
    expect(texts(await drain(receiver))).toEqual(['1s']);
    await clock.advance(5000);
    expect(texts(await drain(receiver))).toEqual(['2s', '3s']);
  });

  it('never delivers what expired, ready, delayed or given back, and buries it', async () => {
    const { clock, link, declare, consume } = await bench();
    await declare(queue('orders.dead'), queue('orders', { ttl: true, deadLetter: 'orders.dead' }));
    await send(
      link,
      orders,
      message('returned', { ttlMs: 1000 }),
      message('ready', { ttlMs: 1000 }),
      message('delayed', { ttlMs: 1000, delayMs: 2000 }),
      message('lives', { ttlMs: 60_000 }),
    );
    const receiver = await consume(orders);
    const [held] = await receiver.pull(1, never);
    await clock.advance(1000);
    expect(await link.admin!.depth(orders)).toEqual({ ready: 1, inFlight: 1, delayed: 1 });
    await receiver.settle([release(held!)]);
    await clock.advance(1000);
    expect(texts(await drain(receiver))).toEqual(['lives']);
    const letters = await drain(await consume(dead));
    expect(texts(letters)).toEqual(['ready', 'returned', 'delayed']);
    expect(letters.map(({ headers }) => headers['waybill-dead-reason'])).toEqual(['expired', 'expired', 'expired']);
  });

  it.each(['none', 'key'] as const)('goes on behind what expired while nobody consumed (order %s)', async (order) => {
    const { broker, clock, link, declare, consume } = await bench();
    await declare(queue('orders', { order, ttl: true }));
    for (let round = 0; round < 3; round += 1) {
      await send(link, { ...orders, order }, message(`brief ${round}`, { key: `k${round}`, ttlMs: 10 }));
      await clock.advance(10);
    }
    await send(link, { ...orders, order }, message('last', { key: 'k', ttlMs: 1000 }));
    expect(texts(broker.messages('orders'))).toEqual(['last']);
    expect(texts(await drain(await consume({ ...orders, order })))).toEqual(['last']);
  });

  it('lets what expires in a handler be accepted', async () => {
    const { clock, link, declare, consume } = await bench();
    await declare(queue('orders', { ttl: true }));
    await send(link, orders, message('a', { ttlMs: 1000 }));
    const receiver = await consume(orders);
    const [held] = await receiver.pull(1, never);
    await clock.advance(2000);
    expect(await receiver.settle([accept(held!)])).toEqual([]);
  });

  it('hands out higher priorities first, each in order, and keeps the place of what comes back', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders', { priority: true }));
    await send(
      link,
      orders,
      message('low', { priority: 0 }),
      message('5a', { priority: 5 }),
      message('9', { priority: 9 }),
      message('5b', { priority: 5 }),
      'none',
    );
    const receiver = await consume(orders);
    const [nine, first] = await receiver.pull(2, never);
    await receiver.settle([release(nine!), release(first!)]);
    await send(link, orders, message('5c', { priority: 5 }));
    expect(texts(await receiver.pull(10, never))).toEqual(['9', '5a', '5b', '5c', 'low', 'none']);
  });

  it('ignores priorities where none were declared', async () => {
    const { link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, message('low', { priority: 0 }), message('high', { priority: 9 }));
    expect(texts(await drain(await consume(orders)))).toEqual(['low', 'high']);
  });
});

describe('a second send with the same send id', () => {
  it('is accepted and dropped, within the window', async () => {
    const { clock, link, declare } = await bench({ dedup: { windowMs: 1000 } });
    await declare(queue('orders'));
    const twice = message('a', { sendId: 'once' });
    await send(link, orders, twice, twice);
    await clock.advance(999);
    await send(link, orders, twice);
    expect(await link.admin!.depth(orders)).toMatchObject({ ready: 1 });
    await clock.advance(2001);
    await send(link, orders, twice);
    expect(await link.admin!.depth(orders)).toMatchObject({ ready: 2 });
  });

  it('is remembered over so many others, and copies of the same message are none', async () => {
    const { link, declare } = await bench({ dedup: { most: 1000 } });
    await declare(queue('orders'));
    const others = (count: number) => Array.from({ length: count }, (_, index) => message(`other ${index}`));
    await send(link, orders, message('a', { sendId: 'once' }), message('a', { sendId: 'copy' }), ...others(998));
    await send(link, orders, message('a', { sendId: 'once' }));
    expect(await link.admin!.depth(orders)).toMatchObject({ ready: 1000 });
    await send(link, orders, ...others(2000));
    await send(link, orders, message('a', { sendId: 'once' }));
    expect(await link.admin!.depth(orders)).toMatchObject({ ready: 3001 });
  });
});

describe('limits', () => {
  it.each([
    ['a body and headers that are too large', { body: Buffer.alloc(90), headers: { name: '1234567' } }, 'too-large'],
    ['a delay that is too long', { delayMs: 1001 }, 'invalid'],
    ['a negative delay', { delayMs: -1 }, 'invalid'],
    ['a life of no time', { ttlMs: 0 }, 'invalid'],
    ['a priority out of range', { priority: 10 }, 'invalid'],
    ['a priority between two', { priority: 1.5 }, 'invalid'],
  ])('refuse %s, and only that message', async (_, more, code) => {
    const { link, declare } = await bench({ limits: { maxBytes: 100, maxDelayMs: 1000 } });
    await declare(queue('orders'));
    const { unsent } = await link.send(orders, [message('before'), message('odd', more), message('after')]);
    expect(unsent).toMatchObject([{ index: 1, outcome: 'rejected', error: { code, destination: 'orders' } }]);
    expect(await link.admin!.depth(orders)).toMatchObject({ ready: 2, delayed: 0 });
  });

  it('refuse a batch that is too long', async () => {
    const { link, declare } = await bench({ limits: { maxBatch: 2 } });
    await declare(queue('orders'));
    const { unsent } = await link.send(orders, [message('a'), message('b'), message('c')]);
    expect(unsent.map(({ outcome }) => outcome)).toEqual(['rejected', 'rejected', 'rejected']);
  });
});
