import { adapter, memory, MemoryBroker, sharedBroker } from '@waybill/in-memory';
import { describe, expect, it } from 'vitest';
import { bench, connect, message, queue, send, texts, topic, subscription } from './support.ts';

const orders = { kind: 'queue', name: 'orders', order: 'none' } as const;

describe('a broker', () => {
  it('outlives its links', async () => {
    const { broker, link, declare } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a');
    await link.close();
    expect(texts(broker.messages('orders'))).toEqual(['a']);
    await send(await connect(broker), orders, 'b');
    expect(texts(broker.messages('orders'))).toEqual(['a', 'b']);
  });

  it('shows copies of what it keeps', async () => {
    const { broker, link, declare } = await bench();
    await declare(queue('orders'), topic('news'), subscription('news', 'mail'));
    await send(link, orders, message('a', { headers: { tenant: 'x' }, key: 'k' }));
    const [shown] = broker.messages('orders');
    expect(shown).toMatchObject({ id: 'a', key: 'k', headers: { tenant: 'x' }, contentType: 'text/plain' });
    shown!.body!.fill(0);
    expect(broker.messages('orders')[0]!.text()).toBe('a');
    await send(link, { ...orders, kind: 'topic', name: 'news' }, 'b');
    expect(texts(broker.messages('news', 'mail'))).toEqual(['b']);
    expect(texts(broker.sent('news'))).toEqual(['b']);
    for (const look of [
      () => broker.messages('none'),
      () => broker.sent('none'),
      () => broker.settled('none'),
      () => broker.messages('news', 'none'),
    ]) {
      expect(look).toThrow(/there is no .*declare it first/);
    }
  });

  it('remembers only so much of what was sent', async () => {
    const { broker, link, declare } = await bench({ history: 2 });
    await declare(queue('orders'));
    await send(link, orders, 'a', 'b', 'c');
    expect(texts(broker.sent('orders'))).toEqual(['b', 'c']);
  });

  it('keeps the process alive while a link is open, and sets no timer without one', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const broker = new MemoryBroker();
    const link = await connect(broker);
    expect(timers()).toBe(before + 1);
    await link.declare!([queue('orders')], 'create');
    await send(link, orders, message('later', { delayMs: 3_600_000 }));
    expect(timers()).toBe(before + 2);
    await link.close();
    expect(timers()).toBe(before);
  });

  it.each([
    [{ styles: 'lease' }, /there is no option "styles"/],
    [{ style: 'push' }, /style is push; give 'lease' or 'message'/],
    [{ partitions: 0 }, /partitions is 0; give a whole number, 1 or more/],
    [{ history: -1 }, /history is -1/],
    [{ seed: 1.5 }, /seed is 1.5/],
    [{ limits: { maxBytes: 0 } }, /limits.maxBytes is 0/],
    [{ dedup: { windowMs: 0 } }, /dedup.windowMs is 0/],
  ])('refuses the options %j', (options, problem) => {
    expect(() => new MemoryBroker(options as object)).toThrow(problem);
  });
});

describe('a driver', () => {
  it('is named, and its capabilities are data', () => {
    const driver = memory();
    expect(driver).toMatchObject({ spec: 1, name: 'memory' });
    expect(JSON.parse(JSON.stringify(driver.capabilities))).toEqual(driver.capabilities);
  });

  it('classifies what it throws, and calls the rest internal', async () => {
    const driver = memory();
    const error = await connect(new MemoryBroker()).then((link) =>
      link
        .receive(
          { ...orders },
          { signal: new AbortController().signal, delivery: 'at-least-once', maxInFlight: 1, leaseMs: 1000 },
        )
        .catch((cause: unknown) => cause),
    );
    expect(driver.classify(error)).toBe('not-found');
    expect(driver.classify(new TypeError('odd'))).toBe('internal');
  });

  it('has one broker per URL in the whole process', async () => {
    expect(adapter.schemes).toEqual(['memory']);
    expect(sharedBroker('a')).toBe(sharedBroker('a'));
    const native = async (url: string) =>
      (await adapter.fromUrl(url).connect({ signal: new AbortController().signal, onBlocked: () => {} })).native;
    expect(await native('memory:a')).toBe(sharedBroker('a'));
    expect(await native('memory://a')).toBe(sharedBroker('a'));
    expect(await native('memory:')).toBe(sharedBroker());
    expect(() => adapter.fromUrl('memory:a b')).toThrow(/"memory:a b" is no URL of an in-memory broker/);
    expect(() => adapter.fromUrl('memory:a?seed=1')).toThrow(/write memory: or memory:name/);
  });
});
