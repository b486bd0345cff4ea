import { describe, expect, it } from 'vitest';
import { type BusEvent, connect, queue, type } from '../../src/index.ts';
import type { ConnectOptions, Driver } from '../../src/driver/index.ts';
import { MemoryBroker, virtualClock } from '@waybill/in-memory';
import { bench, countedClock, delegated, gate, rejection, turnUntil } from '../support.ts';

const jobs = queue('jobs', { schema: type<number>() });
const states = (events: readonly BusEvent[], kind: 'link' | 'consumer'): string[] =>
  events.flatMap((event) => (event.type === kind && 'state' in event ? [event.state] : []));

describe('a link', () => {
  it('that is lost is replaced, and every consumer receives again', async () => {
    const { bus, broker, clock, events } = await bench({ jobs });
    const seen: number[] = [];
    const consumer = await bus.jobs.consume((value) => void seen.push(value));
    expect([bus.state, consumer.state]).toEqual([{ memory: 'live' }, 'live']);
    const first = bus.native('jobs');
    broker.faults.disconnect();
    await clock.advance(0);
    expect([bus.state['memory'], consumer.state]).toEqual(['down', 'waiting']);
    await clock.advance(1000);
    expect([bus.state['memory'], consumer.state]).toEqual(['live', 'live']);
    await bus.jobs.send(1);
    await clock.advance(0);
    expect(seen).toEqual([1]);
    expect(first).toBe(broker);
    expect(states(events, 'link')).toEqual(['live', 'down', 'live']);
    expect(states(events, 'consumer')).toEqual(['live', 'waiting', 'live']);
    const [, down, again] = events.filter(({ type: event }) => event === 'link');
    expect(down).toMatchObject({ state: 'down', cause: { code: 'unavailable' } });
    expect(again).toMatchObject({ state: 'live', generation: 2 });
  });

  it('that cannot be had is tried again with growing waits, at most 2 s', async () => {
    const attempts: number[] = [];
    const clock = virtualClock();
    const broker = new MemoryBroker({ clock });
    let refuse = false;
    const wrap = (inner: Driver): Driver => ({
      ...inner,
      connect: async (options) => {
        attempts.push(clock.now());
        if (refuse) throw new Error('refused');
        return inner.connect(options);
      },
      classify: () => 'unavailable',
    });
    const bus = await turnUntil(clock, connect(wrap(broker.driver()), { jobs }, { clock, observe: () => {} }));
    refuse = true;
    broker.faults.disconnect();
    await clock.advance(60_000);
    const waits = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
    expect(Math.max(...waits)).toBeLessThanOrEqual(2000);
    expect(attempts.length).toBeGreaterThan(30);
    expect(attempts.length).toBeLessThan(120);
    refuse = false;
    await clock.advance(5000);
    expect(bus.state).toEqual({ memory: 'live' });
    await bus.close();
  });

  it('says when the broker blocks it, and when it reads again; a word about an old link changes nothing', async () => {
    const told: ConnectOptions['onBlocked'][] = [];
    const wrap = (inner: Driver): Driver => ({
      ...inner,
      connect: (options) => {
        told.push(options.onBlocked);
        return inner.connect(options);
      },
    });
    const { bus, broker, clock, events } = await bench({ jobs }, { wrap });
    told[0]?.('low on memory');
    expect(bus.state).toEqual({ memory: 'blocked' });
    await bus.jobs.send(1);
    told[0]?.(undefined);
    expect(bus.state).toEqual({ memory: 'live' });
    expect(events.slice(0, 3)).toMatchObject([
      { state: 'live' },
      { state: 'blocked', cause: 'low on memory' },
      { state: 'live' },
    ]);
    broker.faults.disconnect();
    await clock.advance(1000);
    told[0]?.('late');
    expect(bus.state).toEqual({ memory: 'live' });
  });

  it('knows that it is blocked from before it was ready', async () => {
    const wrap = (inner: Driver): Driver => ({
      ...inner,
      connect: async (options) => {
        const link = await inner.connect(options);
        options.onBlocked('low on memory');
        return link;
      },
    });
    const { bus } = await bench({ jobs }, { wrap });
    expect(bus.state).toEqual({ memory: 'blocked' });
  });

  it('answers a ping, and an unanswered ping is a timeout', async () => {
    const { bus, broker } = await bench({ jobs });
    await bus.ping();
    broker.faults.pause();
    const stop = new AbortController();
    const pinged = rejection(bus.ping({ signal: stop.signal }));
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    expect(await pinged).toMatchObject({ code: 'timeout', broker: 'memory' });
  });

  it('declares everything again after it was lost, durable subscriptions included', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const raw = await broker.driver().connect({ signal: new AbortController().signal, onBlocked: () => {} });
    await raw.admin?.remove?.({
      kind: 'queue',
      name: 'jobs',
      order: 'none',
      priority: false,
      ttl: false,
      delay: false,
    });
    broker.faults.disconnect();
    await clock.advance(1000);
    await bus.jobs.send(1);
    expect(await bus.jobs.depth()).toMatchObject({ ready: 1 });
  });
});

describe('a consumer', () => {
  it('whose place is removed says so, and receives again when it is back', async () => {
    const { bus, broker, clock, events } = await bench({ jobs });
    const seen: number[] = [];
    const consumer = await bus.jobs.consume((value) => void seen.push(value));
    const raw = await broker.driver().connect({ signal: new AbortController().signal, onBlocked: () => {} });
    const declaration = {
      kind: 'queue',
      name: 'jobs',
      order: 'none',
      priority: false,
      ttl: false,
      delay: false,
    } as const;
    await raw.admin?.remove?.(declaration);
    await clock.advance(10_000);
    expect(consumer.state).toBe('waiting');
    const waiting = events.filter((event) => event.type === 'consumer' && event.state === 'waiting');
    expect(waiting.length).toBeGreaterThan(2);
    expect(waiting.length).toBeLessThan(30);
    expect(waiting[0]).toMatchObject({ source: 'jobs', cause: { code: 'not-found' } });
    await raw.declare?.([declaration], 'create');
    await clock.advance(5000);
    await bus.jobs.send(1);
    await clock.advance(0);
    expect(seen).toEqual([1]);
    await raw.close();
  });

  it('runs what waited unrun through any number of cuts, instead of burying it', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const held = gate();
    const seen: number[] = [];
    await bus.jobs.consume(
      async (value) => {
        if (value === 1) await held.promise;
        seen.push(value);
      },
      { concurrency: 1 },
    );
    await bus.jobs.sendMany([1, 2]);
    for (let cut = 0; cut < 12; cut++) {
      await clock.advance(1000);
      broker.faults.disconnect();
    }
    held.open();
    await clock.advance(60_000);
    expect(seen).toContain(2);
  });

  it('whose pull fails is opened again', async () => {
    let failing = 2;
    const wrap = (inner: Driver): Driver => ({
      ...inner,
      connect: async (options) => {
        const link = await inner.connect(options);
        return {
          ...delegated(link),
          receive: async (source, more) => {
            if (failing-- > 0) throw new Error('try later');
            return link.receive(source, more);
          },
        };
      },
      classify: () => 'unavailable',
    });
    const { bus, clock, during } = await bench({ jobs }, { wrap });
    const consumer = await during(bus.jobs.consume(() => {}));
    await bus.jobs.send(1);
    await clock.advance(0);
    expect([consumer.state, failing]).toEqual(['live', -1]);
  });

  it('that can never be opened rejects at once, with the reason', async () => {
    const wrap = (inner: Driver): Driver => ({
      ...inner,
      connect: async (options) => ({
        ...delegated(await inner.connect(options)),
        receive: () => Promise.reject(new Error('ACCESS_REFUSED')),
      }),
      classify: () => 'denied',
    });
    const { bus, during, timers } = await bench({ jobs }, { wrap });
    const error = await during(rejection(bus.jobs.consume(() => {})), 1000);
    expect(error).toMatchObject({ code: 'denied' });
    expect(error.message).toMatchInlineSnapshot(`"jobs: cannot be consumed: Error: ACCESS_REFUSED"`);
    expect(timers()).toBe(0);
  });

  it('pauses: nothing starts until it resumes, and reconnections change nothing', async () => {
    const { bus, broker, clock } = await bench({ jobs });
    const seen: number[] = [];
    const consumer = await bus.jobs.consume((value) => void seen.push(value));
    await bus.jobs.send(1);
    await clock.advance(0);
    await consumer.pause();
    expect(consumer.state).toBe('paused');
    await bus.jobs.sendMany([2, 3]);
    await clock.advance(1000);
    broker.faults.disconnect();
    await clock.advance(1000);
    expect(seen).toEqual([1]);
    consumer.resume();
    await clock.advance(1000);
    expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  it('pause waits for the handlers that run', async () => {
    const { bus, clock } = await bench({ jobs });
    let finish!: () => void;
    const consumer = await bus.jobs.consume(() => new Promise<void>((resolve) => (finish = resolve)));
    await bus.jobs.send(1);
    await clock.advance(0);
    let paused = false;
    const pausing = consumer.pause().then(() => (paused = true));
    await clock.advance(1000);
    expect(paused).toBe(false);
    finish();
    await pausing;
  });

  it('that is aborted by its signal closes', async () => {
    const { bus, clock, events } = await bench({ jobs });
    const stop = new AbortController();
    const consumer = await bus.jobs.consume(() => {}, { signal: stop.signal });
    stop.abort();
    await clock.advance(0);
    expect(consumer.state).toBe('closed');
    expect(states(events, 'consumer')).toEqual(['live', 'closed']);
    expect(await rejection(bus.jobs.consume(() => {}, { signal: stop.signal }))).toMatchObject({
      code: expect.stringMatching(/closed|aborted/) as string,
    });
  });
});

describe('connect', () => {
  it('waits for the broker at most connectTimeoutMs, and leaves nothing behind', async () => {
    const real = virtualClock();
    const clock = countedClock(real);
    const broker = new MemoryBroker({ clock: real });
    broker.faults.pause();
    const error = await turnUntil(
      real,
      rejection(connect(broker.driver(), { jobs }, { clock, connectTimeoutMs: 3000, observe: () => {} })),
    );
    expect(error).toMatchObject({ code: 'unavailable', broker: 'memory' });
    expect(error.message).toMatchInlineSnapshot(
      `"no connection to memory; check that the broker runs and can be reached"`,
    );
    await real.advance(60_000);
    expect(clock.waiting).toBe(0);
  });

  it('gives up in time on a broker that answers nothing once connected', async () => {
    const real = virtualClock();
    const clock = countedClock(real);
    const broker = new MemoryBroker({ clock: real });
    const inner = broker.driver();
    const driver: Driver = {
      ...inner,
      connect: async (options) => {
        const link = await inner.connect(options);
        broker.faults.pause();
        return link;
      },
    };
    const connecting = rejection(connect(driver, { jobs }, { clock, connectTimeoutMs: 3000, observe: () => {} }));
    expect(await turnUntil(real, connecting, 10_000)).toMatchObject({ code: 'unavailable' });
    expect(clock.waiting).toBe(0);
  });

  it('tells at once what waiting cannot mend', async () => {
    const clock = virtualClock();
    const driver: Driver = {
      ...new MemoryBroker({ clock }).driver(),
      connect: () => Promise.reject(new Error('403 ACCESS_REFUSED - login refused')),
      classify: () => 'denied',
    };
    const error = await turnUntil(clock, rejection(connect(driver, { jobs }, { clock, observe: () => {} })), 1000);
    expect(error).toMatchObject({ code: 'denied' });
    expect(error.message).toMatchInlineSnapshot(
      `"cannot connect to memory: Error: 403 ACCESS_REFUSED - login refused; check user name, password and permissions"`,
    );
  });
});
