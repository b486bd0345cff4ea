import { type BusEvent, connect, deadLettersOf, exponential, queue, Reject, stream, topic, type } from '@waybill/core';
import { memoryBroker, sharedBroker, virtualClock } from '@waybill/in-memory';
import { describe, expect, it } from 'vitest';

interface Order {
  readonly id: number;
}

describe('an application', () => {
  it('goes through a day of retries in under a second', async () => {
    const clock = virtualClock();
    const broker = memoryBroker({ clock });
    const orders = queue('orders', {
      schema: type<Order>(),
      retry: { attempts: 14, backoff: exponential({ firstMs: 60_000, factor: 2, maxMs: 4 * 3_600_000 }) },
    });
    const bus = await connect(broker.driver(), { orders }, { clock, observe: () => {} });
    const runs: number[] = [];
    const began = clock.now();
    await bus.orders.consume(() => {
      runs.push(clock.now() - began);
      throw new Error('the shop is closed');
    });
    await bus.orders.send({ id: 1 });
    const started = performance.now();
    await clock.advance(30 * 3_600_000);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(runs).toHaveLength(14);
    expect(runs.at(-1)).toBeGreaterThan(24 * 3_600_000);
    const waits = runs.slice(1).map((at, index) => (at - runs[index]!) / 60_000);
    expect(waits.map(Math.round)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240, 240, 240]);
    expect(broker.messages('orders.dead')[0]!.headers).toMatchObject({
      'waybill-dead-reason': 'exhausted',
      'waybill-dead-attempts': '14',
    });
    await bus.close();
    expect(clock.pending).toBe(0);
  });

  it('is awaited until everything is done, and looked at', async () => {
    const broker = memoryBroker();
    const orders = queue('orders', { schema: type<Order>() });
    const bus = await connect(broker.driver(), { orders, dead: deadLettersOf(orders) }, { observe: () => {} });
    const seen: number[] = [];
    await bus.orders.consume(async (order) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (order.id === 2) throw new Reject('no such product');
      seen.push(order.id);
    });
    await bus.orders.sendMany([{ id: 1 }, { id: 2 }, { id: 3 }]);
    await broker.idle();
    expect(seen).toEqual([1, 3]);
    expect(broker.sent('orders').map((message) => message.json())).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    expect(broker.settled('orders').map(({ outcome }) => outcome)).toEqual(['accept', 'accept', 'accept']);
    expect(broker.messages('orders.dead').map((message) => message.json())).toEqual([{ id: 2 }]);
    expect(broker.messages('orders.dead')[0]!.text()).toBe('{"id":2}');
    await bus.close();
  });

  it('waits for a condition, and says what it waited for when it does not come', async () => {
    const broker = memoryBroker();
    const orders = queue<Order>('orders');
    const bus = await connect(broker.driver(), { orders });
    const arrived = broker.waitFor(() => broker.messages('orders').length === 2);
    await bus.orders.send({ id: 1 });
    await bus.orders.send({ id: 2 });
    await arrived;
    await expect(broker.waitFor(() => broker.messages('orders').length === 3, { timeoutMs: 20 })).rejects.toMatchObject(
      {
        code: 'timeout',
        message: 'memory broker: after 20 ms still waiting for a condition (orders: 2 ready, 0 in flight, 0 delayed)',
      },
    );
    await expect(broker.waitFor(() => broker.messages('other').length > 0)).rejects.toMatchObject({
      code: 'not-found',
    });
    await bus.close();
  });

  it('sees others that connect to the same URL, and nobody else', async () => {
    const events = stream<Order>('events');
    const [writer, reader, stranger] = await Promise.all([
      connect('memory:shop', { events }),
      connect('memory:shop', { events }),
      connect('memory:elsewhere', { events }),
    ]);
    await writer.events.append({ id: 1 });
    for await (const record of reader.events.read({ limit: 1 })) expect(record.value).toEqual({ id: 1 });
    expect(await stranger.events.depth()).toMatchObject({ ready: 0 });
    expect(sharedBroker('shop').messages('events')).toHaveLength(1);
    await Promise.all([writer.close(), reader.close(), stranger.close()]);
  });

  it('loses nothing to a broker that misbehaves in every way', async () => {
    const broker = memoryBroker({
      seed: 11,
      faults: {
        dropConfirm: 0.02,
        loseSend: 0.02,
        overload: 0.02,
        duplicate: 0.02,
        delay: 0.05,
        maxDelayMs: 20,
        shuffle: 0.2,
        endLease: 0.01,
        failSettle: 0.02,
        disconnect: 0.003,
      },
    });
    const events: BusEvent[] = [];
    const orders = queue('orders', { schema: type<Order>() });
    const news = topic('news', { schema: type<Order>() });
    const bus = await connect(broker.driver(), { orders, news }, { observe: (event) => events.push(event) });
    const handled = new Set<number>();
    const heard = new Set<number>();
    await bus.news.subscribe((value) => heard.add(value.id), { subscription: 'all', leaseMs: 500 });
    await bus.orders.consume(
      async (order) => {
        await bus.news.publish(order);
        handled.add(order.id);
      },
      { leaseMs: 500 },
    );
    const ids = Array.from({ length: 400 }, (_, id) => id);
    broker.faults.disconnectAfter(50);
    for (let from = 0; from < 400; from += 50)
      await bus.orders.sendMany(ids.slice(from, from + 50).map((id) => ({ id })));
    await broker.waitFor(() => handled.size === 400 && heard.size === 400, { timeoutMs: 20_000 });
    const kinds = new Set(broker.faults.log.map(({ fault }) => fault));
    for (const fault of [
      'dropConfirm',
      'loseSend',
      'overload',
      'duplicate',
      'delay',
      'shuffle',
      'failSettle',
      'disconnect',
    ] as const)
      expect(kinds).toContain(fault);
    broker.faults.clear();
    await bus.close();
  }, 30_000);
});
