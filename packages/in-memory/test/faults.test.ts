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
  release,
  send,
  texts,
} from './support.ts';

const orders = { kind: 'queue', name: 'orders', order: 'none' } as const;
const named = (count: number) => Array.from({ length: count }, (_, index) => message(`m${index}`));

describe('faults on sending', () => {
  it('drop a confirm: stored, and answered as unknown; the resend is dropped', async () => {
    const { broker, clock, link, declare } = await bench();
    await declare(queue('orders'));
    broker.faults.next('dropConfirm');
    const a = message('a');
    expect((await link.send(orders, [a])).unsent).toMatchObject([
      { index: 0, outcome: 'unknown', error: { code: 'unknown-outcome' } },
    ]);
    await send(link, orders, a);
    expect(texts(broker.messages('orders'))).toEqual(['a']);
    expect(broker.faults.log).toEqual([{ fault: 'dropConfirm', at: clock.now(), place: 'orders', id: 'a' }]);
  });

  it.each([
    ['loseSend', 'unknown', 'unknown-outcome'],
    ['refuseSend', 'rejected', 'rejected'],
    ['overload', 'rejected', 'overloaded'],
  ] as const)('%s: not stored, and answered as %s', async (fault, outcome, code) => {
    const { broker, link, declare } = await bench();
    await declare(queue('orders'));
    broker.faults.next(fault, 2);
    expect((await link.send(orders, named(3))).unsent).toMatchObject([
      { index: 0, outcome, error: { code } },
      { index: 1, outcome, error: { code } },
    ]);
    expect(texts(broker.messages('orders'))).toEqual(['m2']);
    expect(broker.faults.log.map(({ fault: kind, id }) => [kind, id])).toEqual([
      [fault, 'm0'],
      [fault, 'm1'],
    ]);
  });

  it('that lose a message lose those behind it in its order', async () => {
    const { broker, link, declare } = await bench();
    await declare(queue('orders', { order: 'total' }));
    broker.faults.next('loseSend');
    const { unsent } = await link.send({ ...orders, order: 'total' }, named(2));
    expect(unsent).toMatchObject([{ outcome: 'unknown' }, { outcome: 'rejected', error: { code: 'overloaded' } }]);
    expect(broker.messages('orders')).toEqual([]);
  });

  it('make a message late', async () => {
    const { broker, clock, link, declare } = await bench({ faults: { delay: 1, maxDelayMs: 100 } });
    await declare(queue('orders'));
    await send(link, orders, 'a');
    expect(broker.messages('orders')).toEqual([]);
    await clock.advance(100);
    expect(texts(broker.messages('orders'))).toEqual(['a']);
  });
});

describe('faults on receiving', () => {
  it('hand a message out twice, but not to an at-most-once consumer', async () => {
    const { broker, link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a');
    broker.faults.next('duplicate');
    const receiver = await consume(orders);
    const held = await drain(receiver);
    expect(texts(held)).toEqual(['a', 'a']);
    expect(await receiver.settle(held.map(accept))).toEqual([]);
    expect(await link.admin!.depth(orders)).toEqual({ ready: 0, inFlight: 0, delayed: 0 });
    await receiver.close();
    broker.faults.next('duplicate');
    await send(link, orders, 'b');
    expect(texts(await drain(await consume(orders, { delivery: 'at-most-once' })))).toEqual(['b']);
  });

  it('shuffle where no order was declared, and only there', async () => {
    const handOut = async (order: 'none' | 'total', seed: number) => {
      const { broker, link, declare, consume } = await bench({ seed, faults: { shuffle: 1, delay: 1 } });
      broker.faults.set({ shuffle: 1 });
      await declare(queue('orders', { order }));
      await send(link, { ...orders, order }, ...named(20));
      return texts(await drain(await consume({ ...orders, order })));
    };
    const inOrder = named(20).map(({ id }) => id);
    expect(await handOut('total', 1)).toEqual(inOrder);
    const shuffled = await handOut('none', 1);
    expect(shuffled).not.toEqual(inOrder);
    expect(shuffled.toSorted()).toEqual(inOrder.toSorted());
    expect(await handOut('none', 1)).toEqual(shuffled);
    expect(await handOut('none', 2)).not.toEqual(shuffled);
  });

  it('end a lease early', async () => {
    const { broker, clock, link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a');
    const receiver = await consume(orders, { leaseMs: 1000 });
    broker.faults.next('endLease');
    const [held] = await receiver.pull(1, never);
    await clock.advance(999);
    expect(await receiver.settle([accept(held!)])).toEqual([{ index: 0, outcome: 'lost' }]);
    expect((await drain(receiver))[0]).toMatchObject({ id: 'a', attempt: 2 });
  });

  it('fail a settlement, which may be tried again', async () => {
    const { broker, link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a', 'b');
    const receiver = await consume(orders);
    const held = await receiver.pull(2, never);
    broker.faults.next('failSettle');
    expect(await receiver.settle(held.map(accept))).toMatchObject([
      { index: 0, outcome: 'failed', error: { code: 'overloaded' } },
    ]);
    expect(await receiver.settle([release(held[0]!)])).toEqual([]);
  });
});

describe('faults on links', () => {
  it('end all links, and receivers with them', async () => {
    const { broker, link, declare, consume } = await bench();
    await declare(queue('orders'));
    const other = await connect(broker);
    const receiver = await consume(orders);
    const waiting = receiver.pull(1, never);
    broker.faults.disconnect();
    for (const ended of [link, other, receiver])
      await expect(ended.closed).resolves.toMatchObject({ code: 'unavailable' });
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
    expect((await link.send(orders, [message('a')])).unsent).toMatchObject([
      { outcome: 'rejected', error: { code: 'unavailable' } },
    ]);
    await expect(link.ping(never)).rejects.toMatchObject({ code: 'unavailable' });
    await send(await connect(broker), orders, 'a');
  });

  it('end them after so many operations; what was on its way is unknown', async () => {
    const { broker, link, declare } = await bench();
    await declare(queue('orders'));
    broker.faults.disconnectAfter(2);
    await send(link, orders, 'a');
    await link.ping(never);
    expect((await link.send(orders, [message('b')])).unsent).toMatchObject([{ index: 0, outcome: 'unknown' }]);
    expect(texts(broker.messages('orders'))).toEqual(['a']);
    expect(broker.faults.log).toMatchObject([{ fault: 'disconnect' }]);
  });

  it('leave everything unanswered while the broker is paused', async () => {
    const { broker, link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a');
    const receiver = await consume(orders);
    const [held] = await receiver.pull(1, never);
    broker.faults.pause();
    const answers: string[] = [];
    const note = (name: string) => () => answers.push(name);
    const asked = [
      link.send(orders, [message('b')]).then(note('send')),
      receiver.settle([accept(held!)]).then(note('settle')),
      receiver.pull(1, never).then(note('pull')),
      link.ping(never).then(note('ping')),
      connect(broker).then(note('connect')),
    ];
    const impatient = new AbortController();
    const given = link.ping(impatient.signal);
    impatient.abort();
    await expect(given).rejects.toMatchObject({ code: 'aborted' });
    expect(answers).toEqual([]);
    broker.faults.resume();
    await Promise.all(asked);
    expect(answers.toSorted()).toEqual(['connect', 'ping', 'pull', 'send', 'settle']);
    expect(broker.faults.log.map(({ fault }) => fault)).toEqual(['pause', 'resume']);
  });

  it('lose what was asked of a paused broker when the link is cut', async () => {
    const { broker, link, declare, consume } = await bench();
    await declare(queue('orders'));
    await send(link, orders, 'a');
    const receiver = await consume(orders);
    const [held] = await receiver.pull(1, never);
    broker.faults.pause();
    const [sent, settled] = [link.send(orders, [message('b')]), receiver.settle([accept(held!)])];
    broker.faults.disconnect();
    expect((await sent).unsent).toMatchObject([{ outcome: 'unknown' }]);
    expect(await settled).toEqual([{ index: 0, outcome: 'lost' }]);
    broker.faults.clear();
    expect(texts(await drain(await consumeOn(await connect(broker), orders)))).toEqual(['a']);
  });
});

describe('chance', () => {
  it('strikes about as often as asked, the same for the same seed, and leaves evidence', async () => {
    const run = async (seed: number) => {
      const { broker, link, declare } = await bench({ seed, faults: { refuseSend: 0.1, dropConfirm: 0.1 } });
      await declare(queue('orders'));
      const { unsent } = await link.send(orders, named(1000));
      expect(broker.faults.log).toHaveLength(unsent.length);
      expect(broker.messages('orders')).toHaveLength(
        1000 - unsent.filter(({ outcome }) => outcome === 'rejected').length,
      );
      return unsent.map(({ index, outcome }) => `${index} ${outcome}`);
    };
    const once = await run(7);
    expect(once.length).toBeGreaterThan(130);
    expect(once.length).toBeLessThan(250);
    expect(await run(7)).toEqual(once);
    expect(await run(8)).not.toEqual(once);
  });

  it('of one fault does not depend on the others', async () => {
    const refused = async (dropConfirm: number) => {
      const { link, declare } = await bench({ faults: { refuseSend: 0.1, dropConfirm } });
      await declare(queue('orders'));
      return (await link.send(orders, named(200))).unsent
        .filter(({ outcome }) => outcome === 'rejected')
        .map(({ index }) => index);
    };
    expect(await refused(0.5)).toEqual(await refused(0));
  });

  it('is over after clear', async () => {
    const { broker, link, declare } = await bench({ faults: { refuseSend: 1 } });
    broker.faults.next('overload', 5);
    broker.faults.clear();
    await declare(queue('orders'));
    await send(link, orders, ...named(10));
    expect(broker.faults.log).toEqual([]);
  });

  it.each([
    [{ dropConfirm: 1.5 }, /dropConfirm is 1.5; give a chance from 0 to 1/],
    [{ delay: Number.NaN }, /delay is NaN/],
    [{ maxDelayMs: -1 }, /maxDelayMs is -1; give milliseconds/],
    [{ dropConfirms: 1 }, /there is no "dropConfirms"/],
  ] satisfies [object, RegExp][])('refuses %j', async (faults: object, problem) => {
    const { broker } = await bench();
    expect(() => broker.faults.set(faults)).toThrow(problem);
    await expect(bench({ faults })).rejects.toMatchObject({ code: 'invalid' });
  });
});
