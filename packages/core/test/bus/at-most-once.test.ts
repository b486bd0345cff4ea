import { describe, expect, it } from 'vitest';
import { queue, topic, type } from '../../src/index.ts';
import { bench, gate, rejection } from '../support.ts';

const ticks = queue('ticks', { schema: type<number>(), needs: { delivery: 'at-most-once' } });

describe('at-most-once', () => {
  it('runs a failing handler once, and says that the message is gone', async () => {
    const { bus, clock, events } = await bench({ ticks });
    const runs: number[] = [];
    await bus.ticks.consume((value) => {
      runs.push(value);
      throw new Error('boom');
    });
    await bus.ticks.sendMany([1, 2]);
    await clock.advance(60_000);
    expect(runs).toEqual([1, 2]);
    expect(await bus.ticks.depth()).toMatchObject({ ready: 0, inFlight: 0 });
    expect(events.filter(({ type: event }) => event === 'dropped')).toMatchObject([
      { source: 'ticks', reason: 'failed' },
      { source: 'ticks', reason: 'failed' },
    ]);
  });

  it('reaches a batch handler', async () => {
    const { bus, clock } = await bench({ ticks });
    const batches: number[][] = [];
    await bus.ticks.consumeBatch((values) => void batches.push([...values]), { maxMessages: 2 });
    await bus.ticks.sendMany([1, 2, 3, 4]);
    await clock.advance(0);
    expect(batches).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('reaches a loop, which has nothing to settle', async () => {
    const { bus, clock, during } = await bench({ ticks });
    await bus.ticks.sendMany([1, 2, 3]);
    const seen: number[] = [];
    const loop = (async () => {
      for await (const delivery of await bus.ticks.receive({ concurrency: 1 })) {
        seen.push(delivery.value);
        expect(await delivery.accept()).toBe('settled');
        if (seen.length === 3) break;
      }
    })();
    await clock.advance(0);
    await during(loop);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('refuses to settle otherwise', async () => {
    const { bus, clock } = await bench({ ticks });
    const errors: Promise<Error>[] = [];
    await bus.ticks.consume((_, delivery) => {
      errors.push(rejection((async () => delivery.reject('no'))()), rejection((async () => delivery.release())()));
    });
    await bus.ticks.send(1);
    await clock.advance(0);
    expect(await Promise.all(errors)).toMatchObject([{ code: 'already-settled' }, { code: 'already-settled' }]);
  });

  it('gives no message again after a cut', async () => {
    const { bus, broker, clock } = await bench({ ticks });
    const held = gate();
    const runs: number[] = [];
    await bus.ticks.consume(async (value) => {
      runs.push(value);
      await held.promise;
    });
    await bus.ticks.send(1);
    await clock.advance(0);
    broker.faults.disconnect();
    await clock.advance(1000);
    held.open();
    await bus.ticks.send(2);
    await clock.advance(1000);
    expect(runs).toEqual([1, 2]);
  });

  it('throws nothing away when it closes: what the broker has forgotten is run', async () => {
    const { bus, clock, during } = await bench({ ticks });
    const runs: number[] = [];
    const held = gate();
    const consumer = await bus.ticks.consume(
      async (value) => {
        runs.push(value);
        await held.promise;
      },
      { concurrency: 1, maxInFlight: 5 },
    );
    await bus.ticks.sendMany([1, 2, 3, 4, 5, 6, 7, 8]);
    await clock.advance(0);
    const closing = consumer.close();
    await clock.advance(0);
    held.open();
    await during(closing);
    const { ready = 0 } = await bus.ticks.depth();
    expect(runs.length + ready).toBe(8);
  });

  it('settles nothing where core filters, or finds a message expired', async () => {
    const news = topic('news', {
      schema: type<string>(),
      needs: { delivery: 'at-most-once', pattern: true, ttl: true },
    });
    const { bus, clock, events } = await bench({ news }, { less: { topic: { pattern: 'none', ttl: 'none' } } });
    const seen: string[] = [];
    const consumer = await bus.news.subscribe((value) => void seen.push(value), { subscription: 's', pattern: 'a.*' });
    await consumer.pause();
    await bus.news.publish('expired', { routingKey: 'a.b', ttlMs: 10 });
    await bus.news.publish('other', { routingKey: 'b.b' });
    await bus.news.publish('wanted', { routingKey: 'a.b' });
    await clock.advance(100);
    consumer.resume();
    await clock.advance(0);
    expect(seen).toEqual(['wanted']);
    expect(events.filter(({ type: event }) => event === 'delivery-lost')).toEqual([]);
  });
});
