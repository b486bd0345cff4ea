import { MemoryBroker } from '@waybill/in-memory';
import { describe, expect, it } from 'vitest';
import type { Addressed, Driver, PositionReceiver, Transacted } from '../../src/driver/index.ts';
import { connect, fixed, queue, Reject, stream, topic, type } from '../../src/index.ts';
import { bench, gate, rejection, throughReceivers } from '../support.ts';

const orders = stream('orders', {
  schema: type<number>(),
  needs: { delivery: 'exactly-once', group: true },
  retry: { attempts: 3, backoff: fixed(100) },
  deadLetter: true,
});
const invoices = queue('invoices', { schema: type<string>() });
const news = topic('news', { schema: type<number>() });
const log = stream('log', { schema: type<number>(), needs: { group: true } });
const destinations = { orders, invoices, news, log };
const group = { group: 'billing' };
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

type Decide = (outputs: readonly Addressed[], carryOut: () => Promise<Transacted>) => Promise<Transacted>;
/** The driver, with transactions whose fate a test decides. */
const decided = (decide: Decide): ((inner: Driver) => Driver) =>
  throughReceivers((receiver) => (receiver.style === 'position' ? deciding(receiver, decide) : receiver));
function deciding(receiver: PositionReceiver, decide: Decide): PositionReceiver {
  const commit = receiver.commit?.bind(receiver);
  const transact = receiver.transact?.bind(receiver);
  return {
    style: 'position',
    native: receiver.native,
    closed: receiver.closed,
    start: (owner) => receiver.start(owner),
    close: () => receiver.close(),
    ...(commit && { commit }),
    ...(transact && { transact: (outputs, marks) => decide(outputs, () => transact(outputs, marks)) }),
  };
}
/** Answers by turns; when there is none left, what really happens. */
function answers(...given: readonly ('aborted' | 'lost' | 'unknown' | 'stored, unknown')[]): Decide {
  const left = [...given];
  return async (_, carryOut) => {
    const answer = left.shift();
    if (answer === undefined) return carryOut();
    if (answer === 'stored, unknown') await carryOut();
    return { outcome: answer === 'stored, unknown' ? 'unknown' : answer, error: new Error(answer) };
  };
}

const bodiesOf = (broker: MemoryBroker, name: string): string[] =>
  broker.messages(name).map((message) => String(message.json()));

describe('what is sent through a delivery, exactly once', () => {
  it('is stored together with its position, on queues, topics and streams', async () => {
    const { bus, broker, clock } = await bench(destinations);
    const heard: number[] = [];
    await bus.news.subscribe((value) => void heard.push(value), { subscription: 'desk' });
    await bus.orders.consume(async (order, delivery) => {
      await delivery.send(bus.invoices, `invoice ${order}`);
      await delivery.send(bus.news, order);
      await delivery.send(bus.log, order * 10, { headers: { of: 'order' } });
    }, group);
    await bus.orders.appendMany(upTo(20));
    await clock.advance(1000);
    expect(bodiesOf(broker, 'invoices')).toEqual(upTo(20).map((order) => `invoice ${order}`));
    expect(bodiesOf(broker, 'log')).toEqual(upTo(20).map((order) => String(order * 10)));
    expect(heard.toSorted((one, other) => one - other)).toEqual(upTo(20));
    expect(await bus.orders.depth(group)).toMatchObject({ ready: 0 });
  });

  it('is held back while the handler runs, and dropped when it fails', async () => {
    const { bus, broker, clock } = await bench(destinations);
    const held = gate();
    await bus.orders.consume(async (order, delivery) => {
      await delivery.send(bus.invoices, `${order}, run ${delivery.attempt}`);
      await held.promise;
      if (delivery.attempt < 3) throw new Error('not yet');
    }, group);
    await bus.orders.append(7);
    await clock.advance(1000);
    expect(bodiesOf(broker, 'invoices')).toEqual([]);
    held.open();
    await clock.advance(5000);
    expect(bodiesOf(broker, 'invoices')).toEqual(['7, run 3']);
  });

  it('is dropped with a delivery that is dead-lettered; the letter takes its place in the transaction', async () => {
    const sizes: number[] = [];
    const wrap = decided((outputs, carryOut) => {
      sizes.push(outputs.length);
      return carryOut();
    });
    const { bus, broker, clock } = await bench(destinations, { wrap });
    await bus.orders.consume(async (_, delivery) => {
      await delivery.send(bus.invoices, 'never');
      throw new Reject('no such customer');
    }, group);
    await bus.orders.append(7);
    await clock.advance(1000);
    expect([bodiesOf(broker, 'invoices'), bodiesOf(broker, 'orders.stream.dead')]).toEqual([[], ['7']]);
    expect(sizes).toEqual([1]);
  });

  it('is stored in the order of the deliveries, however their handlers end', async () => {
    const { bus, broker, clock } = await bench(destinations);
    const first = gate();
    await bus.orders.consume(async (order, delivery) => {
      if (order === 0) await first.promise;
      await delivery.send(bus.invoices, String(order));
    }, group);
    await bus.orders.appendMany(upTo(5));
    await clock.advance(1000);
    expect(bodiesOf(broker, 'invoices')).toEqual([]);
    first.open();
    await clock.advance(1000);
    expect(bodiesOf(broker, 'invoices')).toEqual(['0', '1', '2', '3', '4']);
  });

  it('waits for a send that was not awaited', async () => {
    const { bus, broker, clock } = await bench(destinations);
    await bus.orders.consume((order, delivery) => {
      void delivery.send(bus.invoices, String(order));
    }, group);
    await bus.orders.append(1);
    await clock.advance(1000);
    expect(bodiesOf(broker, 'invoices')).toEqual(['1']);
  });

  it('is no part of the next run where it was ready only then', async () => {
    const ready = gate();
    const slow = queue('slow', {
      schema: {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: async (value: unknown) => {
            if (value === 'run 1') await ready.promise;
            return { value: String(value) };
          },
        },
      },
    });
    const { bus, broker, clock } = await bench({ ...destinations, slow });
    const going = gate();
    await bus.orders.consume(async (_, delivery) => {
      const sending = delivery.send(bus.slow, `run ${delivery.attempt}`);
      if (delivery.attempt === 1) throw new Error('not yet');
      await sending;
      await going.promise;
    }, group);
    await bus.orders.append(1);
    await clock.advance(1000);
    ready.open();
    await clock.advance(0);
    going.open();
    await clock.advance(1000);
    expect(bodiesOf(broker, 'slow')).toEqual(['run 2']);
  });

  it('is one transaction for many deliveries', async () => {
    const sizes: number[] = [];
    const wrap = decided((outputs, carryOut) => {
      sizes.push(outputs.length);
      return carryOut();
    });
    const { bus, clock } = await bench(destinations, { wrap });
    await bus.orders.consume((order, delivery) => delivery.send(bus.invoices, String(order)), group);
    await bus.orders.appendMany(upTo(100));
    await clock.advance(1000);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(100);
    expect(sizes.length).toBeLessThan(20);
  });
});

describe('a transaction', () => {
  it('that was aborted is made again, and said so', async () => {
    const wrap = decided(answers('aborted', 'aborted'));
    const { bus, broker, clock, events } = await bench(destinations, { wrap });
    const runs: number[] = [];
    await bus.orders.consume((order, delivery) => {
      runs.push(order);
      return delivery.send(bus.invoices, String(order));
    }, group);
    await bus.orders.appendMany(upTo(3));
    await clock.advance(2000);
    expect(bodiesOf(broker, 'invoices')).toEqual(['0', '1', '2']);
    expect(runs).toEqual([0, 1, 2]);
    expect(events.filter(({ type: what }) => what === 'held')).toHaveLength(2);
  });

  it.each(['lost', 'unknown', 'stored, unknown'] as const)(
    'that ended %s ends the receiver: the next begins where the position holds',
    async (answer) => {
      const wrap = decided(answers(answer));
      const { bus, broker, clock, events } = await bench(destinations, { wrap });
      await bus.orders.consume((order, delivery) => delivery.send(bus.invoices, String(order)), group);
      await bus.orders.appendMany(upTo(5));
      await clock.advance(5000);
      expect(bodiesOf(broker, 'invoices')).toEqual(['0', '1', '2', '3', '4']);
      expect(events).toContainEqual(expect.objectContaining({ type: 'consumer', state: 'waiting' }));
    },
  );

  it('holds through lost connections: every output is there once', async () => {
    const { bus, broker, clock, during } = await bench(destinations, { broker: { seed: 5 } });
    await bus.orders.consume((order, delivery) => delivery.send(bus.invoices, String(order)), group);
    for (const order of upTo(200)) {
      await during(bus.orders.append(order));
      broker.faults.set({ disconnect: 0.2 });
      await clock.advance(60);
      broker.faults.clear();
    }
    await clock.advance(10_000);
    const lost = broker.faults.log.filter(({ fault }) => fault === 'disconnect').length;
    expect(lost).toBeGreaterThan(10);
    expect(bodiesOf(broker, 'invoices')).toEqual(upTo(200).map(String));
  });

  it('is closed with its consumer, with everything that was done', async () => {
    const { bus, broker, during } = await bench(destinations);
    const consumer = await bus.orders.consume((order, delivery) => delivery.send(bus.invoices, String(order)), group);
    await bus.orders.appendMany(upTo(10));
    await during(consumer.close());
    const { ready = Number.NaN } = await bus.orders.depth(group);
    expect(bodiesOf(broker, 'invoices')).toHaveLength(10 - ready);
  });
});

describe('a run that took too long, exactly once', () => {
  it('sends nothing, and no other begins while it could still send', async () => {
    const { bus, broker, clock } = await bench(destinations);
    const slow = gate();
    const runs: number[] = [];
    const handler = async (order: number, delivery: Parameters<Parameters<typeof bus.orders.consume>[0]>[1]) => {
      runs.push(delivery.attempt);
      if (delivery.attempt === 1) await slow.promise;
      await delivery.send(bus.invoices, `${order}, run ${runs.length}`);
    };
    await bus.orders.consume(handler, { ...group, handlerTimeoutMs: 1000 });
    await bus.orders.append(1);
    await clock.advance(10_000);
    expect(runs).toEqual([1]);
    slow.open();
    await clock.advance(10_000);
    expect(runs).toEqual([1, 2]);
    expect(bodiesOf(broker, 'invoices')).toEqual(['1, run 2']);
  });
});

it('where nobody keeps the position it is refused, and the receiver is closed', async () => {
  let closed = 0;
  const wrap = throughReceivers((given) => {
    const { transact: _without, ...receiver } = deciding(given as PositionReceiver, answers());
    return { ...receiver, close: () => receiver.close().finally(() => closed++) };
  });
  const { bus } = await bench(destinations, { wrap });
  expect(await rejection(bus.orders.consume(() => {}, group))).toMatchObject({ code: 'unsupported' });
  expect(closed).toBe(1);
});

describe('settling by hand, exactly once', () => {
  it('accept stores what was sent before; after it nothing is sent', async () => {
    const { bus, broker, clock } = await bench(destinations);
    let late: unknown;
    await bus.orders.consume(async (order, delivery) => {
      void delivery.send(bus.invoices, String(order));
      await delivery.accept();
      late = await rejection(delivery.send(bus.invoices, 'late'));
    }, group);
    await bus.orders.append(1);
    await clock.advance(1000);
    expect(bodiesOf(broker, 'invoices')).toEqual(['1']);
    expect(late).toMatchObject({ code: 'already-settled' });
  });

  it('reject stores nothing of it', async () => {
    const { bus, broker, clock } = await bench(destinations);
    await bus.orders.consume(async (_, delivery) => {
      await delivery.send(bus.invoices, 'never');
      await delivery.reject('wrong');
    }, group);
    await bus.orders.append(1);
    await clock.advance(1000);
    expect([bodiesOf(broker, 'invoices'), bodiesOf(broker, 'orders.stream.dead')]).toEqual([[], ['1']]);
  });
});

describe('sending through a delivery', () => {
  it('to another broker is refused exactly once, and a failed run', async () => {
    const near = new MemoryBroker();
    const far = new MemoryBroker();
    await using bus = await connect(
      { default: near.driver(), routes: { invoices: far.driver() } },
      {
        orders: stream('orders', {
          schema: type<number>(),
          needs: orders.needs,
          retry: { attempts: 1 },
          deadLetter: true,
        }),
        invoices,
      },
    );
    const refused = gate<unknown>();
    await bus.orders.consume((_, delivery) => delivery.send(bus.invoices, 'x').catch(refused.open), group);
    await bus.orders.append(1);
    expect(await refused.promise).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('orders/billing: exactly-once holds within one broker'),
    });
  });

  it('takes handles of a bus and nothing else', async () => {
    const { bus, clock } = await bench(destinations);
    const errors: unknown[] = [];
    await bus.orders.consume(async (_, delivery) => {
      errors.push(await rejection(delivery.send(invoices as never, 'x')));
    }, group);
    await bus.orders.append(1);
    await clock.advance(50);
    expect(errors).toEqual([
      expect.objectContaining({ code: 'invalid', message: expect.stringContaining('bus.invoices') }),
    ]);
  });

  it('at least once: goes out at once, and the delivery is accepted when it is stored', async () => {
    const source = queue('source', { schema: type<number>() });
    const { bus, broker, clock } = await bench({ source, invoices });
    broker.faults.pause();
    const consuming = bus.source.consume((value, delivery) => void delivery.send(bus.invoices, String(value)));
    broker.faults.resume();
    await consuming;
    await bus.source.send(1);
    await clock.advance(1000);
    expect(bodiesOf(broker, 'invoices')).toEqual(['1']);
    expect(broker.settled('source').map(({ outcome }) => outcome)).toEqual(['accept']);
  });

  it('by hand: accept rejects with what could not be stored, and the delivery is still open', async () => {
    const source = queue('source', { schema: type<number>() });
    const { bus, broker, clock } = await bench({ source, invoices });
    await bus.source.send(1);
    const deliveries = await bus.source.receive();
    for await (const delivery of deliveries) {
      broker.faults.next('refuseSend');
      void delivery.send(bus.invoices, 'refused');
      expect(await rejection(delivery.accept())).toMatchObject({ code: expect.any(String) });
      expect(delivery.isOpen).toBe(true);
      await delivery.accept();
      break;
    }
    await clock.advance(100);
    expect(broker.settled('source').map(({ outcome }) => outcome)).toEqual(['accept']);
    expect(bodiesOf(broker, 'invoices')).toEqual([]);
  });

  it('at least once: what could not be stored is a failed run, also when nobody awaited it', async () => {
    const source = queue('source', { schema: type<number>(), retry: { attempts: 2, backoff: fixed(100) } });
    const { bus, broker, clock, events } = await bench({ source, invoices });
    let runs = 0;
    await bus.source.consume((value, delivery) => {
      if (runs++ === 0) broker.faults.next('refuseSend');
      void delivery.send(bus.invoices, String(value));
    });
    await bus.source.send(1);
    await clock.advance(5000);
    expect(bodiesOf(broker, 'invoices')).toEqual(['1']);
    expect(runs).toBe(2);
    expect(events).toContainEqual(expect.objectContaining({ type: 'retry', source: 'source' }));
  });
});
